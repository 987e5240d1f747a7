"""Tiny SavedModels, as TF1 and TF2 export them, each made in a moment."""

from pathlib import Path

import tensorflow as tf

tf1 = tf.compat.v1
BAD = b"bad"  # a row that `rows` cannot answer
GENRES = ["Comedy", "Drama", "War"]


def half_plus_two(path: Path, plus: float = 2.0) -> Path:
    """x float32 [N] -> y = x / 2 + plus, float32 [N]."""
    module = tf.Module()
    module.plus = tf.Variable(float(plus))
    call = tf.function(lambda x: {"y": x / 2 + module.plus})
    return _save(module, path, serving_default=call.get_concrete_function(x=tf.TensorSpec([None], tf.float32, "x")))


def rows(path: Path) -> Path:
    """text string [N] -> length int32 [N], echo string [N]; INVALID_ARGUMENT where a row is BAD."""

    def answer(text: tf.Tensor) -> dict[str, tf.Tensor]:
        good = tf.debugging.Assert(tf.reduce_all(text != BAD), ["text in row 0 is bad"])
        with tf.control_dependencies([good]):
            return {"length": tf.strings.length(text), "echo": tf.identity(text)}

    text = tf.TensorSpec([None], tf.string, "text")
    return _save(tf.Module(), path, serving_default=tf.function(answer).get_concrete_function(text=text))


def scaled(path: Path) -> Path:
    """x float32 [N] and scale, a float32 whose default is 3 -> y = scale x."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x"), tf.TensorSpec([], tf.float32, "scale")])
    def answer(x: tf.Tensor, scale: tf.Tensor = tf.constant(3.0)) -> dict[str, tf.Tensor]:  # noqa: B008 - how TF2 has it
        return {"y": scale * x}

    return _save(tf.Module(), path, serving_default=answer)


def slow(path: Path, seconds: float = 0.3) -> Path:
    """x float32 [N] -> y = x, after a while in which a thread of TensorFlow's is busy."""

    def wait(x: tf.Tensor) -> dict[str, tf.Tensor]:
        end = tf.timestamp() + seconds
        now = tf.while_loop(lambda now: now < end, lambda _: [tf.timestamp()], [tf.timestamp()])
        with tf.control_dependencies(now):
            return {"y": tf.identity(x)}

    x = tf.TensorSpec([None], tf.float32, "x")
    return _save(tf.Module(), path, serving_default=tf.function(wait).get_concrete_function(x=x))


def dtypes(path: Path) -> Path:
    """Gives back a tensor of each of many dtypes, float32 [2, N] and a scalar among them; rows cannot be merged."""
    kinds = [tf.float64, tf.float16, tf.bfloat16, tf.int8, tf.uint8, tf.int64, tf.bool, tf.string, tf.complex64]
    specs = {kind.name: tf.TensorSpec([None], kind, kind.name) for kind in kinds}
    specs["matrix"] = tf.TensorSpec([2, None], tf.float32, "matrix")
    specs["scalar"] = tf.TensorSpec([], tf.int32, "scalar")
    call = tf.function(lambda **given: {f"{name}_out": tf.identity(value) for name, value in given.items()})
    return _save(tf.Module(), path, serving_default=call.get_concrete_function(**specs))


def marquee(path: Path, scores: float = 0.5, genres: list[str] | None = None) -> Path:
    """overview string [N] -> what a served model of ours answers, the same for every row."""
    names = tf.constant(genres or GENRES)

    def answer(overview: tf.Tensor) -> dict[str, tf.Tensor]:
        count = tf.shape(overview)[0]
        return {
            "scores": tf.fill([count, len(GENRES)], tf.constant(scores)),
            "genres": tf.tile(names[None], [count, 1]),
            "predicted": tf.ones([count, len(GENRES)], tf.int64),
            "top_genres": tf.tile(names[None], [count, 1]),
            "top_scores": tf.fill([count, len(GENRES)], tf.constant(scores)),
        }

    overview = tf.TensorSpec([None], tf.string, "overview")
    return _save(tf.Module(), path, serving_default=tf.function(answer).get_concrete_function(overview=overview))


def strings(path: Path) -> Path:
    """text string [N] -> what JSON has for strings: echo and echo_bytes [N], pairs_bytes [N, 2], size_bytes int32 [N].

    The signature "one" gives echo_bytes alone.
    """

    def answer(text: tf.Tensor) -> dict[str, tf.Tensor]:
        return {
            "echo": tf.identity(text),
            "echo_bytes": tf.identity(text),
            "pairs_bytes": tf.stack([text, text], axis=1),
            "size_bytes": tf.strings.length(text),
        }

    text = tf.TensorSpec([None], tf.string, "text")
    one = tf.function(lambda text: {"echo_bytes": tf.identity(text)}).get_concrete_function(text=text)
    return _save(tf.Module(), path, serving_default=tf.function(answer).get_concrete_function(text=text), one=one)


def examples_tf1(path: Path, weight: float = 2.0) -> Path:
    """A TF1 export with classify, regress and predict signatures on tf.Examples that have a float feature "x"."""
    with tf.Graph().as_default(), tf1.Session() as session:
        serialized = tf1.placeholder(tf.string, [None], name="examples")
        x = tf.io.parse_example(serialized, {"x": tf.io.FixedLenFeature([1], tf.float32)})["x"]
        y = tf.identity(x * tf1.get_variable("weight", initializer=weight), "y")
        classes = tf.tile(tf.constant([["low", "high"]]), [tf.shape(x)[0], 1])
        scores = tf.concat([1 - y, y], axis=1)
        session.run(tf1.global_variables_initializer())
        info = tf1.saved_model.build_tensor_info
        signature = tf1.saved_model.build_signature_def
        inputs = {"inputs": info(serialized)}
        builder = tf1.saved_model.Builder(str(path))
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            signature_def_map={
                "serving_default": signature(
                    {"examples": info(serialized)}, {"y": info(y)}, "tensorflow/serving/predict"
                ),
                "classify": signature(
                    inputs, {"classes": info(classes), "scores": info(scores)}, "tensorflow/serving/classify"
                ),
                "regress": signature(inputs, {"outputs": info(y)}, "tensorflow/serving/regress"),
            },
        )
        builder.save()
    return path


def examples_tf2(path: Path) -> Path:
    """What `examples_tf1` is, as TF2 exports it: every signature is of the method predict and has an input of its own.

    The signature "named" classifies, but for the name of its input.
    """
    module = tf.Module()
    module.weight = tf.Variable(2.0)
    serialized = tf.TensorSpec([None], tf.string)

    def y_of(examples: tf.Tensor) -> tf.Tensor:
        return tf.io.parse_example(examples, {"x": tf.io.FixedLenFeature([1], tf.float32)})["x"] * module.weight

    def classify(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        y = y_of(inputs)
        classes = tf.tile(tf.constant([["low", "high"]]), [tf.shape(y)[0], 1])
        return {"classes": classes, "scores": tf.concat([1 - y, y], axis=1)}

    def all_of_it(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"y": y_of(inputs), **classify(inputs)}

    calls = {
        "classify": classify,
        "regress": lambda inputs: {"outputs": y_of(inputs)},
        "serving_default": all_of_it,
    }
    signatures = {name: tf.function(call).get_concrete_function(inputs=serialized) for name, call in calls.items()}
    named = tf.function(lambda examples: classify(examples)).get_concrete_function(examples=serialized)
    return _save(module, path, **signatures, named=named)


def broken(path: Path) -> Path:
    """Looks like a SavedModel and is none."""
    path.mkdir(parents=True)
    (path / "saved_model.pb").write_bytes(b"no model at all")
    return path


def example(x: float) -> bytes:
    feature = tf.train.Feature(float_list=tf.train.FloatList(value=[x]))
    return tf.train.Example(features=tf.train.Features(feature={"x": feature})).SerializeToString()


def _save(module: tf.Module, path: Path, **signatures: object) -> Path:
    tf.saved_model.save(module, str(path), signatures=signatures)
    return path
