"""What the skew report reads: the sampled requests, in files of bounded size, without a request ever waiting."""

import threading
import time
from pathlib import Path

import tensorflow as tf
from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2

from pipeline import request_logs
from serving.server import request_log
from serving.server.metrics import Metrics
from serving.server.request_log import RequestLog

SPEC = model_pb2.ModelSpec(name="lstm", signature_name="serving_default")


def ask(*overviews: str) -> predict_pb2.PredictRequest:
    request = predict_pb2.PredictRequest(model_spec=SPEC)
    request.inputs["overview"].CopyFrom(tf.make_tensor_proto(list(overviews)))
    return request


def log(to: RequestLog, *overviews: str) -> None:
    to.log("predict_log", ask(*overviews), predict_pb2.PredictResponse(model_spec=SPEC), SPEC)


def overviews(folder: Path) -> list[bytes | None]:
    rows = list(request_logs.read(folder))
    assert all(isinstance(row, request_logs.Row) for row in rows)
    return [row.overview for row in rows]


def test_the_skew_report_reads_what_is_written(tmp_path):
    to = RequestLog(tmp_path / "log", 1.0, Metrics())
    log(to, "A war.", "A love.")
    log(to, "A dog.")
    to.close()
    assert overviews(tmp_path / "log") == [b"A war.", b"A love.", b"A dog."]
    (file,) = (tmp_path / "log").iterdir()
    record = next(tf.data.TFRecordDataset(str(file)).as_numpy_iterator())
    logged = prediction_log_pb2.PredictionLog.FromString(record)
    assert logged.log_metadata.model_spec.name == "lstm"
    assert logged.log_metadata.sampling_config.sampling_rate == 1
    assert abs(logged.log_metadata.timestamp_secs - time.time()) < 60


def test_it_can_be_read_while_the_server_goes_on(tmp_path):
    to = RequestLog(tmp_path, 1.0, Metrics())
    log(to, "A war.")
    end = time.monotonic() + 10
    while not overviews(tmp_path) and time.monotonic() < end:
        time.sleep(0.01)
    assert overviews(tmp_path) == [b"A war."]
    to.close()


def test_files_are_bounded_and_never_overwritten(tmp_path):
    for _ in range(2):
        to = RequestLog(tmp_path, 1.0, Metrics(), max_file_bytes=3000)
        for _ in range(10):
            log(to, "x" * 1000)
        to.close()
    assert len(overviews(tmp_path)) == 20
    assert len(list(tmp_path.iterdir())) >= 6
    assert max(file.stat().st_size for file in tmp_path.iterdir()) < 4500


def test_a_share_is_logged(tmp_path):
    to = RequestLog(tmp_path, 0.25, Metrics())
    for _ in range(2000):
        log(to, "x")
    to.close()
    assert 380 < len(overviews(tmp_path)) < 620


def test_what_the_writer_cannot_keep_up_with_is_left_out_and_counted(tmp_path, monkeypatch):
    metrics, hold = Metrics(), threading.Event()
    write = request_log._Files.write
    monkeypatch.setattr(request_log._Files, "write", lambda *given: hold.wait() and write(*given))
    to = RequestLog(tmp_path, 1.0, metrics, max_pending_bytes=10_000)
    begun = time.monotonic()
    for _ in range(50):
        log(to, "x" * 1000)
    assert time.monotonic() - begun < 20
    hold.set()
    to.close()
    written = len(overviews(tmp_path))
    assert written == 9
    assert f'{{model_name="lstm",status_code="OK"}} {written}\n' in metrics.render()
    assert f'{{model_name="lstm",status_code="UNAVAILABLE"}} {50 - written}\n' in metrics.render()


def test_a_folder_that_goes_away_fails_no_request(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(request_log, "_PAUSE_SECONDS", 0)
    to = RequestLog(tmp_path / "log", 1.0, Metrics())
    (tmp_path / "log").rmdir()
    log(to, "lost")
    end = time.monotonic() + 10
    while not caplog.records and time.monotonic() < end:
        time.sleep(0.01)
    (tmp_path / "log").mkdir()
    log(to, "kept")
    to.close()
    assert overviews(tmp_path / "log") == [b"kept"]
    assert "leaves out requests" in caplog.text
