"""Beam's arguments for each engine, and how executors come by them."""

import socket
import typing
from pathlib import Path
from unittest import mock

import google_crc32c
import pytest
from apache_beam import Create, Map, Pipeline
from apache_beam.io import WriteToText, tfrecordio
from apache_beam.options import pipeline_options
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability import prism_runner
from apache_beam.runners.portability.fn_api_runner import fn_runner
from tfx.dsl.components.base import base_beam_executor
from tfx.orchestration.portable import data_types, launcher
from tfx.proto.orchestration import executable_spec_pb2

from pipeline import beam, engine, settings
from pipeline.dag import CODE, create_pipeline
from pipeline.paths import Paths
from transform.errors import MarqueeError

LOCAL = {"environment_type": "LOOPBACK", "job_server_timeout": 2592000}
GIVEN = {
    "direct": ({}, {"runner": "DirectRunner", "direct_running_mode": "in_memory"}),
    "portable": (
        {"address": "localhost:8099"},
        {"runner": "PortableRunner", "job_endpoint": "localhost:8099", "sdk_worker_parallelism": "1", **LOCAL},
    ),
    "flink": (
        {"address": "localhost:8081", "workers": 4, "environment": "EXTERNAL", "environment_config": "localhost:50000"},
        {
            "runner": "FlinkRunner",
            "flink_master": "localhost:8081",
            "parallelism": 4,
            "environment_type": "EXTERNAL",
            "environment_config": "localhost:50000",
        },
    ),
    "spark": (
        {"address": "spark://localhost:7077"},
        {"runner": "SparkRunner", "spark_master_url": "spark://localhost:7077", **LOCAL},
    ),
    "dataflow": (
        {"workers": 3, "options": ["--project=p", "--region=europe-west4", "--temp_location=gs://b/t"]},
        {"runner": "DataflowRunner", "num_workers": 3, "project": "p", "temp_location": "gs://b/t"},
    ),
}


def chosen(**given) -> settings.Beam:
    return settings.load(None, {f"beam.{key}": value for key, value in given.items()}).beam


@pytest.mark.parametrize("name", GIVEN)
def test_beam_reads_the_arguments_of_an_engine(name):
    given, expected = GIVEN[name]
    args = beam.pipeline_args(chosen(engine=name, **given))
    read = beam.pipeline_options(chosen(engine=name, **given)).get_all_options()

    assert expected.items() <= read.items()
    assert Path(read["setup_file"]).is_file()
    assert PipelineOptions(args).get_all_options(retain_unknown_options=True).keys() == read.keys()  # all known to Beam


def test_every_engine_has_its_arguments():
    assert set(GIVEN) == set(typing.get_args(typing.get_type_hints(settings.Beam)["engine"]))


@pytest.mark.parametrize(("setting", "mode"), [("workers", "multi_processing"), ("threads", "multi_threading")])
def test_the_direct_engine_has_processes_or_threads(setting, mode):
    read = beam.pipeline_options(chosen(**{setting: "2"})).view_as(pipeline_options.DirectOptions)
    assert (read.direct_running_mode, read.direct_num_workers) == (mode, 2)


@pytest.mark.parametrize("given", [{}, {"threads": "2"}, {"workers": "2"}])
def test_the_direct_engine_is_beams_own_runner(given, tmp_path):
    """Not Prism, which newer direct runners would rather fetch from the internet."""
    runner = fn_runner.FnApiRunner
    with (
        mock.patch.object(prism_runner.PrismRunner, "run_pipeline") as prism,
        mock.patch.object(runner, "run_pipeline", autospec=True, side_effect=runner.run_pipeline) as own,
        Pipeline(options=beam.pipeline_options(chosen(**given))) as pipeline,
    ):
        _ = pipeline | Create([1, 2]) | Map(str) | WriteToText(str(tmp_path / "out"))
    assert own.call_count == 1
    assert not prism.called
    assert sorted("".join(file.read_text() for file in tmp_path.glob("out*")).split()) == ["1", "2"]


def test_options_come_last():
    read = beam.pipeline_options(chosen(options=["--direct_running_mode=multi_threading"]))
    assert read.view_as(pipeline_options.DirectOptions).direct_running_mode == "multi_threading"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"engine": "portable"}, ["beam.address = ''", "host:port"]),
        ({"engine": "flink", "address": "http://flink:8081"}, ["beam.address = 'http://flink:8081'", "host:port"]),
        ({"engine": "spark"}, ["beam.address", "spark://"]),
        ({"engine": "dataflow"}, ["beam.options", "--project", "--region", "--temp_location"]),
        ({"engine": "dataflow", "options": ["--project=p", "--temp_location=t"]}, ["beam.options", "needs --region."]),
        ({"engine": "samza"}, ["beam.engine = 'samza'", "'flink'"]),
        ({"workers": "0"}, ["beam.workers = 0", "1 or more"]),
        ({"threads": "0"}, ["beam.threads = 0", "1 or more"]),
        ({"threads": "2", "workers": "2"}, ["beam.threads = 2", "in place of several workers"]),
        ({"threads": "2", "engine": "portable", "address": "localhost:1"}, ["beam.threads = 2", "'direct'"]),
        ({"options": ["region=x"]}, ["beam.options", "'region=x'"]),
        ({"environment": "loopback"}, ["beam.environment = 'loopback'", "'LOOPBACK'"]),
    ],
)
def test_an_engine_that_cannot_be_is_refused(given, said):
    with pytest.raises(MarqueeError) as error:
        chosen(**given)
    assert all(part in str(error.value) for part in said), error.value


def test_a_server_that_is_not_there_is_told_of_before_anything_runs():
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]
        for engine_ in ("portable", "flink"):
            beam.require_server(chosen(engine=engine_, address=f"localhost:{port}"))
        beam.require_server(chosen(engine="spark", address=f"spark://localhost:{port}"))
    for given in ({"engine": "flink", "address": "localhost:1"}, {"engine": "spark", "address": "spark://localhost:1"}):
        with pytest.raises(MarqueeError, match=r"beam\.address = .*localhost:1'.*refused"):
            beam.require_server(chosen(**given))
    for given in ({}, {"engine": "spark", "address": "yarn"}):
        beam.require_server(chosen(**given))


def test_the_cache_does_not_see_the_engine():
    paths = Paths(data=Path("/d"), work=Path("/w"), schema=None)
    seen = []
    for overrides in ({}, {"beam.engine": "portable", "beam.address": "localhost:1"}):
        dag = create_pipeline(settings.load(None, overrides), paths, dict.fromkeys(CODE, "code"))
        seen.append([node.executor_spec.encode().SerializeToString() for node in dag.components if node.executor_spec])
    assert seen[0] == seen[1]


class Recorder(base_beam_executor.BaseBeamExecutor):
    """Tells what Beam arguments it was given."""

    seen = mock.Mock()

    def Do(self, input_dict, output_dict, exec_properties):
        self.seen(PipelineOptions(self._beam_pipeline_args).get_all_options())


def test_executors_get_the_engine_and_others_afterwards_do_not(tmp_path):
    spec = executable_spec_pb2.BeamExecutableSpec()
    spec.python_executor_spec.class_path = f"{Recorder.__module__}.{Recorder.__name__}"
    for arg in beam.pipeline_args():
        spec.beam_pipeline_args_placeholders.add().value.string_value = arg

    def run():
        operator = launcher.DEFAULT_EXECUTOR_OPERATORS[type(spec)](spec)
        info = data_types.ExecutionInfo(
            execution_id=1,
            input_dict={},
            output_dict={},
            exec_properties={},
            execution_output_uri=str(tmp_path / "out"),
            tmp_dir=str(tmp_path / "tmp"),
            stateful_working_dir=str(tmp_path / "state"),
        )
        with mock.patch("tfx.utils.import_utils.import_class_by_path", return_value=Recorder):
            operator = type(operator)(spec)
        operator.run_executor(info)
        return Recorder.seen.call_args.args[0]

    with engine.executors_get(beam.pipeline_args(chosen(engine="portable", address="localhost:8099"))):
        inside = run()
    assert (inside["runner"], inside["job_endpoint"]) == ("PortableRunner", "localhost:8099")
    assert run()["runner"] == "DirectRunner"


def test_records_are_checked_quickly():
    assert tfrecordio._default_crc32c_fn.fn is google_crc32c.value
    assert google_crc32c.implementation == "c"
