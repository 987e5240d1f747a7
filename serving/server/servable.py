"""One loaded version of a SavedModel: TF1 and TF2 exports alike, through a Session."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import config_pb2
from tensorflow_serving.apis import prediction_log_pb2

from serving.server import errors, tensors
from serving.server.errors import ServingError, failed, invalid

DEFAULT_SIGNATURE = "serving_default"
CLASSIFY = "tensorflow/serving/classify"
REGRESS = "tensorflow/serving/regress"
PREDICT = "tensorflow/serving/predict"
EXAMPLES = "inputs"  # the one input of a signature that classifies or regresses
WARM_UP_FILE = Path("assets.extra") / "tf_serving_warmup_requests"
MOST_WARM_UPS = 1000
MOST_ASKED = 32  # choices of outputs of a model that later versions are warmed up for
_HIDDEN = "__saved_model_init_op"  # a signature of the loader's own
_ANSWERS = {CLASSIFY: ("classes", "scores"), REGRESS: ("outputs",)}

# A Session loads a model in a sixth of the time, and holds the GIL for less of it, than tf.saved_model.load: measured
# 19 against 200 ms, in which no request is answered.
tf1 = tf.compat.v1


Asked: TypeAlias = tuple[str, tuple[str, ...]]  # a signature, and outputs of it


@dataclass(frozen=True, kw_only=True)
class Parallelism:
    """TensorFlow's threads: within one operation, and of operations side by side; 0 leaves it to TensorFlow."""

    intra_op: int = 1
    inter_op: int = 0


class Servable:
    """A version that answers. `run` may be called from several threads at once."""

    def __init__(self, name: str, version: int, session: Any, meta_graph: Any, asked: set[Asked] | None = None):
        """`asked` takes down which outputs of which signature are asked for."""
        self.name = name
        self.version = version
        self.meta_graph = meta_graph
        self.signatures: dict[str, Any] = {
            key: signature for key, signature in meta_graph.signature_def.items() if key != _HIDDEN
        }
        self._outputs = {key: tuple(sorted(signature.outputs)) for key, signature in self.signatures.items()}
        self._session = session
        self._asked = set() if asked is None else asked
        self._expected: dict[str, dict[str, tuple[int, tuple[int, ...] | None]]] = {}
        self._defaults = {
            key: {alias: tf.make_ndarray(value) for alias, value in signature.defaults.items()}
            for key, signature in self.signatures.items()
        }
        self._callables: dict[tuple[str, tuple[str, ...], tuple[str, ...]], Any] = {}

    def signature(self, name: str) -> Any:
        """The SignatureDef.

        Raises:
            ServingError: FAILED_PRECONDITION, no such signature.
        """
        try:
            return self.signatures[name or DEFAULT_SIGNATURE]
        except KeyError:
            raise errors.failed(f'Serving signature key "{name or DEFAULT_SIGNATURE}" not found.') from None

    def least_inputs(self, name: str) -> int:
        """How many inputs of a signature have no default."""
        return len(self.signature(name).inputs) - len(self._defaults[name or DEFAULT_SIGNATURE])

    def completed(self, name: str, inputs: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """The inputs, and the signature's defaults of those that are not given."""
        defaults = self._defaults.get(name or DEFAULT_SIGNATURE)
        return {**defaults, **inputs} if defaults else inputs

    def check(self, name: str, inputs: Mapping[str, np.ndarray]) -> int | None:
        """Whether inputs fit a signature.

        Returns:
            The number of rows that all inputs have, where the signature leaves the first dimension open; else None.

        Raises:
            ServingError: INVALID_ARGUMENT, names, dtypes or shapes do not fit.
        """
        expected = self._expected.get(name) or self._expected.setdefault(name, _expected(self.signature(name)))
        if inputs.keys() != expected.keys():
            raise invalid(_mismatch(set(inputs), set(expected)))
        rows: set[int] = set()
        for key, value in inputs.items():
            dtype, shape = expected[key]
            if _dtype(value) != dtype:
                given, wanted = (tf.dtypes.as_dtype(kind).name for kind in (_dtype(value), dtype))
                raise invalid(f"input {key} is expected to be of dtype {wanted}, not {given}.")
            if shape is None:
                continue
            fits = len(shape) == value.ndim and all(
                want in (-1, got) for want, got in zip(shape, value.shape, strict=True)
            )
            if not fits:
                sides = ",".join("?" if side < 0 else str(side) for side in shape)
                got = ",".join(map(str, value.shape))
                raise invalid(f"input {key} must have the shape [{sides}]; it has [{got}].")
            if shape and shape[0] < 0:
                rows.add(value.shape[0])
        if len(rows) > 1:
            raise invalid(f"inputs have different numbers of rows: {', '.join(map(str, sorted(rows)))}.")
        return rows.pop() if rows else None

    def batchable(self, name: str) -> bool:
        """Whether rows of several requests may go through the signature together."""
        signature = self.signature(name)
        infos = [*signature.inputs.values(), *signature.outputs.values()]
        return bool(signature.inputs) and all(
            not info.tensor_shape.unknown_rank and info.tensor_shape.dim and info.tensor_shape.dim[0].size < 0
            for info in infos
        )

    def outputs(self, name: str, chosen: Sequence[str] = ()) -> tuple[str, ...]:
        """The outputs that a request is answered: those chosen, or all.

        Raises:
            ServingError: INVALID_ARGUMENT, the signature lacks one that was chosen, or it is chosen twice.
        """
        self.signature(name)
        there = self._outputs[name or DEFAULT_SIGNATURE]
        for key in chosen:
            if key not in there:
                raise invalid(
                    f"output tensor alias not found in signature: {key} Outputs expected to be in the set "
                    f"{{{','.join(there)}}}."
                )
        if len(set(chosen)) < len(chosen):
            raise invalid(f"duplicate output tensor alias: {','.join(sorted(chosen))}")
        return tuple(sorted(chosen)) or there

    def run(self, name: str, inputs: Mapping[str, np.ndarray], outputs: tuple[str, ...]) -> dict[str, np.ndarray]:
        """Calls a signature; blocks, and lets other threads run meanwhile.

        Raises:
            ServingError: what TensorFlow raised.
        """
        feeds = tuple(sorted(inputs))
        call = self._callables.get((name, feeds, outputs)) or self._make_callable(name, feeds, outputs)
        try:
            return dict(zip(outputs, call(*(inputs[key] for key in feeds)), strict=True))
        except (tf.errors.OpError, ValueError, TypeError) as error:
            raise errors.of(error) from error

    def close(self) -> None:
        self._callables.clear()
        self._session.close()

    def _make_callable(self, name: str, feeds: tuple[str, ...], outputs: tuple[str, ...]) -> Any:
        signature = self.signature(name)
        options = config_pb2.CallableOptions(
            feed=[signature.inputs[key].name for key in feeds], fetch=[signature.outputs[key].name for key in outputs]
        )
        # The public make_callable goes through Session.run, whose Python costs as much as a small model.
        call = self._session._make_callable_from_options(options)
        self._callables[name, feeds, outputs] = call
        if len(self._asked) < MOST_ASKED:
            self._asked.add((name, outputs))
        return call


class Loader:
    """Loads versions; each is warmed up for what was asked of those before it.

    A Session sets up each choice of outputs when it is first asked for, which takes it a second, while all who ask for
    it wait. The warm-up requests of an export cannot know which ones its clients choose.
    """

    def __init__(self, parallelism: Parallelism = Parallelism()):
        self._parallelism = parallelism
        self._asked: dict[str, set[Asked]] = {}

    def __call__(self, name: str, version: int, path: Path) -> Servable:
        """As `load`."""
        return load(name, version, path, self._parallelism, self._asked.setdefault(name, set()))


def load(
    name: str,
    version: int,
    path: Path,
    parallelism: Parallelism = Parallelism(),
    asked: set[Asked] | None = None,
) -> Servable:
    """Loads a version and answers its warm-up requests, with every choice of outputs that is in `asked` too.

    Raises:
        ServingError: it cannot be loaded, or cannot answer its own warm-up requests.
    """
    config = tf1.ConfigProto(
        intra_op_parallelism_threads=parallelism.intra_op, inter_op_parallelism_threads=parallelism.inter_op
    )
    graph = tf.Graph()
    session = tf1.Session(graph=graph, config=config)
    try:
        with graph.as_default():
            meta_graph = tf1.saved_model.load(session, ["serve"], str(path))
        graph.finalize()
        servable = Servable(name, version, session, meta_graph, asked)
        warm_up(servable, path, frozenset(asked or ()))
    except Exception as error:
        session.close()
        raise _broken(error, path) from error
    return servable


def warm_up(servable: Servable, path: Path, asked: Collection[Asked] = ()) -> int:
    """Answers the version's own warm-up requests, so that no client waits for what a first call has to set up.

    Each is answered with the outputs that it names, and with those of its signature that are in `asked`.

    Returns:
        How many there were.

    Raises:
        ServingError: one of them cannot be read or answered.
    """
    file = path / WARM_UP_FILE
    if not file.is_file():
        return 0
    count = 0
    for count, record in enumerate(tf1.io.tf_record_iterator(str(file)), start=1):
        if count > MOST_WARM_UPS:
            raise invalid(f"{file}: more than {MOST_WARM_UPS} warm-up requests.")
        try:
            log = prediction_log_pb2.PredictionLog.FromString(record)
        except DecodeError as error:
            raise invalid(f"{file}: record {count} is no PredictionLog.") from error
        for name, given, chosen in _asked_by(servable, log):
            inputs = servable.completed(name, given)
            servable.check(name, inputs)
            there = servable.outputs(name)
            choices = {outputs for signature, outputs in asked if signature == name and set(outputs) <= set(there)}
            for outputs in {chosen, *choices}:
                servable.run(name, inputs, outputs)
    return count


def _asked_by(servable: Servable, log: Any) -> Iterator[tuple[str, dict[str, np.ndarray], tuple[str, ...]]]:
    """What a logged request asks for: each signature, its inputs and outputs of it."""
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        request = log.predict_log.request
        name = request.model_spec.signature_name or DEFAULT_SIGNATURE
        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        yield name, inputs, servable.outputs(name, request.output_filter)
        return
    if kind == "classify_log":
        request, tasks = log.classify_log.request, [(log.classify_log.request.model_spec, CLASSIFY)]
    elif kind == "regress_log":
        request, tasks = log.regress_log.request, [(log.regress_log.request.model_spec, REGRESS)]
    elif kind == "multi_inference_log":
        request = log.multi_inference_log.request
        tasks = [(task.model_spec, task.method_name) for task in request.tasks]
    else:
        return
    given = tensors.examples(request.input)
    for spec, method in tasks:
        name = spec.signature_name or DEFAULT_SIGNATURE
        yield name, {EXAMPLES: given}, answers_of(checked_signature(servable, name, method), method)


def checked_signature(servable: Servable, name: str, method: str) -> Any:
    """A signature that takes tf.Examples and answers as the method says.

    TF2 writes that every signature is of the method predict: it may be any, as tensorflow_model_server has it unless
    told otherwise.

    Raises:
        ServingError: INVALID_ARGUMENT, there is none of that name or no such method, or it is of another method;
            FAILED_PRECONDITION, it has not the inputs or outputs that go with the method.
    """
    if method not in _ANSWERS:
        raise invalid(f"Unsupported signature method_name: {method}")
    if name not in servable.signatures:
        raise invalid(f"No signature was found with the name: {name}")
    signature = servable.signatures[name]
    kind = "classification" if method == CLASSIFY else "regression"
    if signature.method_name not in (method, PREDICT):
        raise invalid(f"Expected {kind} signature method_name to be {method}. Was: {signature.method_name}")
    if len(signature.inputs) != 1:
        raise invalid("Expected one input Tensor.")
    if method == CLASSIFY and len(signature.outputs) not in (1, 2):
        raise invalid(f"Expected one or two output Tensors, found {len(signature.outputs)}")
    if method == REGRESS and len(signature.outputs) != 1:
        raise invalid("Expected one output Tensor.")
    if EXAMPLES not in signature.inputs:
        raise failed(f"No {kind} inputs found in SignatureDef: {name} takes {', '.join(signature.inputs)}.")
    if not answers_of(signature, method):
        there = ", ".join(sorted(signature.outputs))
        if method == CLASSIFY:
            wanted = " or ".join(f'"{alias}"' for alias in _ANSWERS[CLASSIFY])
            raise failed(f"Expected {kind} signature outputs to contain at least one of {wanted}; {name} has {there}.")
        raise failed(f"No {kind} outputs found in SignatureDef: {name} has {there}.")
    return signature


def answers_of(signature: Any, method: str) -> tuple[str, ...]:
    """The outputs of a signature that answer a method, sorted."""
    return tuple(alias for alias in _ANSWERS[method] if alias in signature.outputs)


def _mismatch(given: set[str], wanted: set[str]) -> str:
    """What is wrong with the names of inputs, in TensorFlow Serving's words: it counts them first."""
    each = {key: ",".join(sorted(names)) for key, names in {"given": given, "wanted": wanted}.items()}
    extra, missing = ",".join(sorted(given - wanted)), ",".join(sorted(wanted - given))
    if len(given) == len(wanted):
        return (
            f"input tensor alias not found in signature: {min(given - wanted)}. "
            f"Inputs expected to be in the set {{{each['wanted']}}}."
        )
    return (
        f"input size does not match signature: {len(given)}!={len(wanted)} len({{{each['given']}}}) != "
        f"len({{{each['wanted']}}}). Sent extra: {{{extra}}}. Missing but required: {{{missing}}}."
    )


def _broken(error: Exception, path: Path) -> ServingError:
    found = errors.of(error)
    return ServingError(found.code, f"{path}: {found.message}")


def _expected(signature: Any) -> dict[str, tuple[int, tuple[int, ...] | None]]:
    """Dtype and shape of each input, -1 where a side is open, None where the shape is: protos are slow to ask."""
    return {
        key: (
            info.dtype,
            None if info.tensor_shape.unknown_rank else tuple(side.size for side in info.tensor_shape.dim),
        )
        for key, info in signature.inputs.items()
    }


def _dtype(value: np.ndarray) -> int:
    if value.dtype == object:
        return types_pb2.DT_STRING
    kind = tf.string if value.dtype.kind in "OSU" else tf.dtypes.as_dtype(value.dtype)
    return kind.as_datatype_enum
