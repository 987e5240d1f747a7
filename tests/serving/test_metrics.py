"""The text that Prometheus reads, under TensorFlow Serving's names."""

from prometheus_client.parser import text_string_to_metric_families

from serving.server.metrics import Metrics


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """What Python's reader makes of the text; unlike Prometheus, it ends the name of every counter with _total."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(metrics.render())
        for sample in family.samples
    }


def test_requests_are_counted_under_tensorflow_servings_names():
    metrics = Metrics()
    metrics.request_ended("cnn", "Predict", "GRPC", "OK", 0.002, 3)
    metrics.request_ended("cnn", "Predict", "REST", "OK", 0.002, 1)
    metrics.request_ended("", "Predict", "GRPC", "NOT_FOUND", 0.001, 0)
    metrics.ran("cnn", "Predict", 0.001)
    text = metrics.render()
    assert ':tensorflow:serving:request_count{model_name="cnn",status="OK"} 2\n' in text
    assert "# TYPE :tensorflow:serving:request_count counter\n" in text
    found = samples(metrics)
    assert found[":tensorflow:serving:request_count_total", "", "NOT_FOUND"] == 1
    assert found[":tensorflow:serving:request_latency_count", "cnn", "Predict", "GRPC"] == 1
    assert found[":tensorflow:serving:request_latency_sum", "cnn", "Predict", "REST"] == 2000
    assert found[":tensorflow:serving:runtime_latency_count", "cnn", "Predict", "TF1"] == 1
    assert found[":tensorflow:serving:request_example_count_total", "cnn"] == 4


def test_buckets_rise_and_hold_all_that_is_below_them():
    metrics = Metrics()
    for rows in (1, 2, 3, 40_000):
        metrics.batch_ran("cnn", rows)
    name = ":tensorflow:serving:batching_session:processed_batch_size_bucket"
    buckets = [(key[2], value) for key, value in samples(metrics).items() if key[0] == name]
    assert buckets[:3] == [("1", 1), ("2", 2), ("4", 3)]
    assert buckets[-2:] == [("16384", 3), ("+Inf", 4)]


def test_a_label_may_hold_anything():
    metrics = Metrics()
    metrics.request_logged('a"\\\nb', True)
    assert (":tensorflow:serving:request_log_count_total", 'a"\\\nb', "OK") in samples(metrics)
    assert 'status_code="OK"' in metrics.render()
