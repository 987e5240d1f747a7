"""Configuration files in protobuf's text form."""

import pytest

from serving.server import configs
from serving.server.errors import ServingError


def test_batching_parameters_under_tensorflow_servings_names(tmp_path):
    file = tmp_path / "batching"
    file.write_text(
        "max_batch_size { value: 32 }\nbatch_timeout_micros { value: 0 }\nallowed_batch_sizes: [1, 8, 32]\n"
        "enable_large_batch_splitting: true\n"
    )
    parameters = configs.batching(file)
    assert parameters.max_batch_size.value == 32
    assert parameters.HasField("batch_timeout_micros")
    assert not parameters.HasField("num_batch_threads")
    assert list(parameters.allowed_batch_sizes) == [1, 8, 32]
    assert not configs.batching(None).HasField("max_batch_size")


def test_monitoring_and_ssl(tmp_path):
    file = tmp_path / "monitoring"
    file.write_text('prometheus_config { enable: true, path: "/metrics" }')
    assert configs.monitoring(file).prometheus_config.path == "/metrics"
    file.write_text('server_key: "KEY" server_cert: "CERT" client_verify: true')
    assert configs.ssl(file).client_verify


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
