"""Configuration files in protobuf's text form."""

import pytest

from serving.server import configs
from serving.server.errors import ServingError

ALL_BATCHING = """
max_batch_size { value: 64 }
batch_timeout_micros { value: 500 }
max_enqueued_batches { value: 100 }
num_batch_threads { value: 2 }
thread_pool_name { value: "threads" }
allowed_batch_sizes: 8
allowed_batch_sizes: 32
pad_variable_length_inputs: true
enable_large_batch_splitting { value: True }
max_execution_batch_size { value: 32 }
"""


def test_every_batching_parameter_in_tensorflow_servings_own_form(tmp_path):
    file = tmp_path / "batching"
    file.write_text(ALL_BATCHING)
    parameters = configs.batching(file)
    values = {
        name: getattr(parameters, name).value
        for name in (
            "max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "num_batch_threads", "thread_pool_name",
            "enable_large_batch_splitting", "max_execution_batch_size",
        )
    }  # fmt: skip
    assert list(values.values()) == [64, 500, 100, 2, "threads", True, 32]
    assert list(parameters.allowed_batch_sizes) == [8, 32]
    assert parameters.pad_variable_length_inputs


def test_batching_parameters_left_out_are_not_there(tmp_path):
    file = tmp_path / "batching"
    file.write_text("batch_timeout_micros { value: 0 }\nallowed_batch_sizes: [1, 8, 32]\n")
    parameters = configs.batching(file)
    assert parameters.HasField("batch_timeout_micros")
    assert not parameters.HasField("num_batch_threads")
    assert not parameters.HasField("enable_large_batch_splitting")
    assert list(parameters.allowed_batch_sizes) == [1, 8, 32]
    assert not configs.batching(None).HasField("max_batch_size")


@pytest.mark.parametrize(
    "line",
    [
        "enable_large_batch_splitting: true",
        'thread_pool_name: "threads"',
        "max_batch_size: 32",
        "pad_variable_length_inputs { value: true }",
    ],
)
def test_what_tensorflow_serving_cannot_read_is_not_read_here_either(tmp_path, line):
    file = tmp_path / "batching"
    file.write_text(line)
    with pytest.raises(ServingError, match="1:"):
        configs.batching(file)


def test_monitoring_and_ssl(tmp_path):
    file = tmp_path / "monitoring"
    file.write_text('prometheus_config { enable: true, path: "/metrics" }')
    assert configs.monitoring(file).prometheus_config.path == "/metrics"
    file.write_text('server_key: "KEY" server_cert: "CERT" client_verify: true')
    assert configs.ssl(file).client_verify


@pytest.mark.parametrize("path", ["metrics", "/{metrics", "/metrics}"])
def test_a_path_of_metrics_that_cannot_be_served_is_told_by_file_and_field(tmp_path, path):
    file = tmp_path / "monitoring"
    file.write_text(f'prometheus_config {{ enable: true, path: "{path}" }}')
    with pytest.raises(ServingError) as refused:
        configs.monitoring(file)
    assert refused.value.message == (
        f"{file}: the path of prometheus_config must begin with '/' and have no braces; it is {path!r}"
    )
    file.write_text(f'prometheus_config {{ path: "{path}" }}')  # counts for nothing
    assert not configs.monitoring(file).prometheus_config.enable


def test_models(tmp_path):
    file = tmp_path / "models.config"
    file.write_text(
        'model_config_list { config { name: "cnn" base_path: "/m/cnn" model_platform: "tensorflow"\n'
        'model_version_policy { specific { versions: 3 } } version_labels { key: "stable" value: 3 } } }'
    )
    [model] = configs.model_server(file).model_config_list.config
    assert model.name == "cnn"
    assert dict(model.version_labels) == {"stable": 3}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("model_config_list { config { name: 'x' } }", "every config needs a name and a base_path"),
        ("model_config_list {\n  konfig {}\n}", "2:3"),
        (None, "cannot be read"),
    ],
)
def test_mistakes_name_the_file(tmp_path, content, said):
    file = tmp_path / "models.config"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ServingError, match=said) as raised:
        configs.model_server(file)
    assert str(file) in raised.value.message
