"""Loading and running SavedModels of both kinds."""

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from serving.server import servable
from serving.server.errors import ServingError
from tests.serving import models


def text(*values: bytes) -> np.ndarray:
    return np.array(values, object)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    names = ("half_plus_two", "rows", "dtypes", "examples_tf1")
    return {name: servable.load(name, 1, getattr(models, name)(folder / name)) for name in names}


def test_a_tf2_export_answers(loaded):
    model = loaded["half_plus_two"]
    assert set(model.signatures) == {"serving_default"}
    assert model.check("", {"x": np.zeros(3, np.float32)}) == 3
    assert model.run("serving_default", {"x": np.float32([0, 2])}, ("y",))["y"].tolist() == [2, 3]


def test_a_tf1_export_answers(loaded):
    model = loaded["examples_tf1"]
    found = model.run("regress", {"inputs": text(models.example(3))}, ("outputs",))
    assert found["outputs"].tolist() == [[6]]
    assert model.signatures["classify"].method_name == "tensorflow/serving/classify"


def test_every_dtype_comes_back(loaded):
    model = loaded["dtypes"]
    inputs = {}
    for name, info in model.signatures["serving_default"].inputs.items():
        kind = tf.dtypes.as_dtype(info.dtype)
        shape = {"matrix": (2, 3), "scalar": ()}.get(name, (4,))
        inputs[name] = np.full(
            shape, b"\xffx" if kind == tf.string else 1, object if kind == tf.string else kind.as_numpy_dtype
        )
    assert model.check("", inputs) == 4
    assert not model.batchable("")
    answered = model.run("serving_default", inputs, model.outputs(""))
    for name, value in inputs.items():
        assert answered[f"{name}_out"].dtype == value.dtype
        assert np.array_equal(answered[f"{name}_out"], value)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        (
            {},
            "input size does not match signature: 0!=1 len({}) != len({x}). Sent extra: {}. Missing but required: {x}.",
        ),
        (
            {"x": np.zeros(1, np.float32), "b": np.zeros(1), "a": np.zeros(1)},
            "input size does not match signature: 3!=1 len({a,b,x}) != len({x}). "
            "Sent extra: {a,b}. Missing but required: {}.",
        ),
        (
            {"z": np.zeros(1, np.float32)},
            "input tensor alias not found in signature: z. Inputs expected to be in the set {x}.",
        ),
        ({"x": np.zeros(1, np.int64)}, "input x is expected to be of dtype float32, not int64"),
        ({"x": text(b"1")}, "input x is expected to be of dtype float32, not string"),
        ({"x": np.zeros((1, 1), np.float32)}, "input x must have the shape [?]; it has [1,1]"),
        ({"x": np.zeros((), np.float32)}, "input x must have the shape [?]; it has []"),
    ],
)
def test_inputs_that_do_not_fit_are_named(loaded, inputs, said):
    with pytest.raises(ServingError) as refused:
        loaded["half_plus_two"].check("", inputs)
    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert said in refused.value.message


def test_rows_that_differ_in_number_are_refused(loaded):
    inputs = {"float64": np.zeros(2), "bool": np.zeros(3, bool)}
    with pytest.raises(ServingError, match=r"Missing but required: \{bfloat16,complex64"):
        loaded["dtypes"].check("", inputs)


def test_unknown_signatures_and_outputs(loaded):
    with pytest.raises(ServingError, match='Serving signature key "nowhere" not found') as refused:
        loaded["rows"].check("nowhere", {})
    assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION
    assert loaded["rows"].outputs("", ["echo"]) == ("echo",)
    assert loaded["rows"].outputs("") == ("echo", "length")
    with pytest.raises(ServingError, match="output tensor alias not found in signature: z"):
        loaded["rows"].outputs("", ["z"])
    with pytest.raises(ServingError, match="duplicate output tensor alias: echo,echo"):
        loaded["rows"].outputs("", ["echo", "echo"])


def test_what_tensorflow_raises_is_told_in_one_line(loaded):
    with pytest.raises(ServingError, match=r"^text in row 0 is bad$") as refused:
        loaded["rows"].run("serving_default", {"text": text(b"good", models.BAD)}, ("echo",))
    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT


def test_what_is_no_model_names_its_folder(tmp_path):
    path = models.broken(tmp_path / "7")
    with pytest.raises(ServingError, match=str(path)):
        servable.load("broken", 7, path)


def warm_ups(path, *values):
    file = path / servable.WARM_UP_FILE
    file.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for value in values:
            log = prediction_log_pb2.PredictionLog()
            log.predict_log.request.inputs["text"].CopyFrom(tf.make_tensor_proto([value]))
            writer.write(log.SerializeToString())


def test_warm_up_requests_are_answered_before_anyone_elses(tmp_path):
    path = models.rows(tmp_path / "1")
    warm_ups(path, b"a", b"b")
    model = servable.load("rows", 1, path)
    assert servable.warm_up(model, path) == 2


def test_a_version_is_warmed_up_for_what_was_asked_of_the_one_before(tmp_path, monkeypatch):
    path = models.rows(tmp_path / "rows")
    warm_ups(path, b"a")
    load = servable.Loader()
    text_of = {"text": text(b"a")}
    load("rows", 1, path).run("serving_default", text_of, ("echo",))
    second, other = load("rows", 2, path), load("other", 1, path)

    def refuse(*_):
        raise AssertionError("set up while a client waits")

    monkeypatch.setattr(servable.Servable, "_make_callable", refuse)
    assert second.run("serving_default", text_of, ("echo",))["echo"].tolist() == [b"a"]
    with pytest.raises(AssertionError, match="while a client waits"):
        other.run("serving_default", text_of, ("echo",))


def test_the_order_of_chosen_outputs_makes_no_difference(loaded):
    assert loaded["rows"].outputs("", ["length", "echo"]) == loaded["rows"].outputs("") == ("echo", "length")


def test_a_version_that_cannot_answer_its_warm_up_is_not_loaded(tmp_path):
    path = models.rows(tmp_path / "1")
    warm_ups(path, models.BAD)
    with pytest.raises(ServingError, match="text in row 0 is bad"):
        servable.load("rows", 1, path)


def logged(kind: str, *tasks: tuple[str, str], x: bytes) -> prediction_log_pb2.PredictionLog:
    """A request as TensorFlow Serving logs it; tasks are signatures and their methods."""
    log = prediction_log_pb2.PredictionLog()
    asked = getattr(log, kind).request
    asked.input.example_list.examples.add().ParseFromString(x)
    if kind == "multi_inference_log":
        for signature, method in tasks:
            asked.tasks.add(method_name=method).model_spec.signature_name = signature
    else:
        asked.model_spec.signature_name = tasks[0][0]
    return log


CLASSIFY, REGRESS = ("classify", servable.CLASSIFY), ("regress", servable.REGRESS)


@pytest.mark.parametrize(
    ("kind", "tasks"),
    [
        ("classify_log", [CLASSIFY]),
        ("regress_log", [REGRESS]),
        ("multi_inference_log", [CLASSIFY, REGRESS]),
    ],
)
def test_warm_ups_of_every_kind_are_answered(tmp_path, monkeypatch, kind, tasks):
    path = models.examples_tf1(tmp_path / "1")
    file = path / servable.WARM_UP_FILE
    file.parent.mkdir()
    with tf.io.TFRecordWriter(str(file)) as writer:
        writer.write(logged(kind, *tasks, x=models.example(0.25)).SerializeToString())
    run, ran = servable.Servable.run, []

    def watched(self, name, inputs, outputs):
        ran.append((name, outputs))
        return run(self, name, inputs, outputs)

    monkeypatch.setattr(servable.Servable, "run", watched)
    servable.load("examples", 1, path)
    outputs = {"classify": ("classes", "scores"), "regress": ("outputs",)}
    assert ran == [(signature, outputs[signature]) for signature, _ in tasks]


@pytest.mark.parametrize(
    ("task", "said"),
    [
        (("regress", servable.CLASSIFY), "Expected classification signature"),
        (("nowhere", servable.CLASSIFY), "No signature was found with the name: nowhere"),
    ],
)
def test_a_version_that_cannot_answer_such_a_warm_up_is_not_loaded(tmp_path, task, said):
    path = models.examples_tf1(tmp_path / "1")
    file = path / servable.WARM_UP_FILE
    file.parent.mkdir()
    with tf.io.TFRecordWriter(str(file)) as writer:
        writer.write(logged("classify_log", task, x=models.example(0.25)).SerializeToString())
    with pytest.raises(ServingError, match=said):
        servable.load("examples", 1, path)
