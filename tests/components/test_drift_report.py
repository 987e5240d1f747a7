"""DriftReport, DriftGate and the span before: specs with fake channels, executors on real files, MLMD for real."""

import json
import logging
from pathlib import Path

import pytest
from google.protobuf import text_format
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2
from tfx import types
from tfx.types import artifact_utils, channel_utils, standard_artifacts

from components.drift_report import artifact, gate
from components.drift_report.component import DriftReport
from components.drift_report.gate import DriftGate
from components.drift_report.previous_span import PreviousSpanStrategy
from components.film_schema_gen.schema import schema_of
from tests.execute import execute
from tests.statistics import statistics_of
from transform.errors import DriftStop, MarqueeError

OLD = statistics_of(100, {"Drama": 60, "Comedy": 40})
NEW = statistics_of(100, {"Drama": 20, "Comedy": 40, "War": 40})


def written(folder: Path, span: int, films) -> types.Artifact:
    result = standard_artifacts.ExampleStatistics()
    result.uri, result.span = str(folder), span
    result.split_names = artifact_utils.encode_split_names(["train", "test"])
    for split in ("train", "test"):
        (folder / f"Split-{split}").mkdir(parents=True)
        content = statistics_pb2.DatasetFeatureStatisticsList(datasets=[films])
        (folder / f"Split-{split}" / "FeatureStats.pb").write_bytes(content.SerializeToString())
    return result


@pytest.fixture
def inputs(tmp_path):
    schema = standard_artifacts.Schema()
    schema.uri = str(tmp_path / "schema")
    Path(schema.uri).mkdir()
    text = text_format.MessageToString(schema_of(["Comedy", "Drama", "War"]), as_utf8=True)
    (Path(schema.uri) / "schema.pbtxt").write_text(text)
    return {
        "statistics": [written(tmp_path / "new", 2, NEW)],
        "baseline_statistics": [written(tmp_path / "old", 1, OLD)],
        "schema": [schema],
    }


def component_of(inputs) -> DriftReport:
    return DriftReport(**{name: channel_utils.as_channel(given) for name, given in inputs.items()})


def report_of(inputs, folder) -> types.Artifact:
    [made] = execute(component_of(inputs), inputs, folder)["drift_report"]
    return made


def read(report: types.Artifact) -> dict:
    return json.loads((Path(report.uri) / artifact.REPORT_FILE).read_text())


def gated(report, folder, on_drift):
    execute(DriftGate(channel_utils.as_channel([report]), on_drift), {"drift_report": [report]}, folder)


def test_spec(inputs):
    node = component_of(inputs)
    assert set(node.inputs) == {"statistics", "baseline_statistics", "schema"}
    assert node.outputs["drift_report"].type is artifact.DriftReport
    without = DriftReport(
        statistics=channel_utils.as_channel(inputs["statistics"]), schema=channel_utils.as_channel(inputs["schema"])
    )
    assert "baseline_statistics" not in without.inputs


def test_it_names_both_spans_and_keeps_tfdvs_anomalies(inputs, tmp_path):
    report = report_of(inputs, tmp_path / "report")
    content = read(report)
    assert content["span"] == 2
    assert content["baseline"] == {"span": 1, "uri": inputs["baseline_statistics"][0].uri}
    assert content["verdict"] == "drift"
    assert content["sentences"] == ["genres: Drama 60.0 % -> 20.0 %; new: War (40.0 %)"]
    anomalies = anomalies_pb2.Anomalies.FromString((Path(report.uri) / artifact.ANOMALIES_FILE).read_bytes())
    assert "genres" in anomalies.anomaly_info
    again = report_of(inputs, tmp_path / "again")
    assert (Path(again.uri) / artifact.REPORT_FILE).read_bytes() == (
        Path(report.uri) / artifact.REPORT_FILE
    ).read_bytes()


def test_stop_stops_and_says_what_drifted(inputs, tmp_path):
    report = report_of(inputs, tmp_path / "report")
    with pytest.raises(DriftStop, match=r"span 2 have drifted from those of span 1:\n  genres: Drama 60.0 % -> 20.0 %"):
        gated(report, tmp_path / "stop", gate.STOP)


def test_warn_says_the_same_and_goes_on(inputs, tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "marquee.drift"):
        gated(report_of(inputs, tmp_path / "report"), tmp_path / "warn", gate.WARN)
    assert "Drama 60.0 % -> 20.0 %" in caplog.text


@pytest.mark.parametrize("baseline", [None, []])
def test_without_a_baseline_it_says_so_and_even_stop_goes_on(inputs, tmp_path, caplog, baseline):
    if baseline is None:
        del inputs["baseline_statistics"]
        report = report_of(inputs, tmp_path / "report")
    else:
        component = component_of(inputs)
        [report] = execute(component, inputs | {"baseline_statistics": []}, tmp_path / "report")["drift_report"]
    content = read(report)
    assert content["verdict"] == "no baseline"
    assert content["baseline"] is None
    with caplog.at_level(logging.INFO, "marquee.drift"):
        gated(report, tmp_path / "stop", gate.STOP)
    assert "no baseline" in caplog.text


def test_another_word_than_stop_or_warn_is_refused(inputs):
    with pytest.raises(MarqueeError, match=r"drift\.on_drift = 'perhaps'"):
        DriftGate(types.Channel(type=artifact.DriftReport), "perhaps")


def test_the_thresholds_survive_tfdvs_update_of_the_schema(inputs):
    import tensorflow_data_validation as tfdv

    schema = schema_of(["Comedy", "Drama"])
    after = statistics_pb2.DatasetFeatureStatisticsList(datasets=[NEW])
    updated = tfdv.update_schema(schema, after)
    for before, changed in zip(schema.feature, updated.feature, strict=True):
        assert list(before.annotation.tag) == list(changed.annotation.tag)
        assert before.drift_comparator == changed.drift_comparator
    assert "War" in updated.string_domain[0].value
    assert isinstance(updated, schema_pb2.Schema)


class Store:
    """MLMD in memory, with what FilmExampleGen and StatisticsGen leave in it."""

    def __init__(self, folder: Path):
        self.mlmd = MetadataStore(mlmd.ConnectionConfig(fake_database=mlmd.FakeDatabaseConfig()))
        self._folder = folder
        self._types = {
            name: self.mlmd.put_artifact_type(mlmd.ArtifactType(name=name)) for name in ("Examples", "Statistics")
        }
        self._makers = {
            name: self.mlmd.put_execution_type(mlmd.ExecutionType(name=name)) for name in ("ExampleGen", "Stats")
        }

    def span(
        self, number: int, base: str = "/films", pattern: str = "span-{SPAN}", there: bool = True
    ) -> types.Artifact:
        """One run over a span; its statistics."""
        examples = self._put("ExampleGen", "Examples", None, {"input_base": base, "pattern": pattern})
        made = self._put("Stats", "Statistics", examples, {})
        result = standard_artifacts.ExampleStatistics()
        result.id, result.span, result.uri = made, number, str(self._folder / str(made))
        result.mlmd_artifact.state = mlmd.Artifact.LIVE
        if there:
            split = Path(result.uri) / "Split-train"
            split.mkdir(parents=True)
            (split / "FeatureStats.pb").touch()
        return result

    def _put(self, maker: str, kind: str, given: int | None, properties: dict[str, str]) -> int:
        execution = mlmd.Execution(type_id=self._makers[maker], last_known_state=mlmd.Execution.COMPLETE)
        for key, value in properties.items():
            execution.custom_properties[key].string_value = value
        [made] = self.mlmd.put_artifacts([mlmd.Artifact(type_id=self._types[kind], uri="somewhere")])
        [done] = self.mlmd.put_executions([execution])
        events = [mlmd.Event(artifact_id=made, execution_id=done, type=mlmd.Event.OUTPUT)]
        if given is not None:
            events.append(mlmd.Event(artifact_id=given, execution_id=done, type=mlmd.Event.INPUT))
        self.mlmd.put_events(events)
        return made

    def before(self, current: types.Artifact, *history: types.Artifact) -> list[types.Artifact]:
        given = {"statistics": [*history, current], "current": [current]}
        return PreviousSpanStrategy().resolve_artifacts(self.mlmd, given)["statistics"]


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def test_the_first_span_has_none_before_it(store):
    assert store.before(store.span(1)) == []
    assert store.before(store.span(1), store.span(1), store.span(2)) == []


def test_the_nearest_span_below_and_its_newest_statistics(store):
    one, three, again, two, seven = map(store.span, (1, 3, 3, 2, 7))
    current = store.span(5)
    assert store.before(current, one, three, again, two, seven) == [again]
    assert store.before(current, one, two, seven) == [two]


def test_spans_of_another_folder_do_not_count(store):
    sample, films = store.span(1, "/sample"), store.span(1)
    assert store.before(store.span(2), sample, films) == [films]
    assert store.before(store.span(2, "/sample"), films) == []
    assert store.before(store.span(2, pattern="{SPAN}"), films) == []


def test_statistics_whose_files_are_gone_do_not_count(store):
    gone, there = store.span(2, there=False), store.span(1)
    assert store.before(store.span(3), gone, there) == [there]
