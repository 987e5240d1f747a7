"""Films as requests and answers as predictions; nothing here knows of a network."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import predict_pb2

INPUTS = {"cnn": ("poster",), "lstm": ("overview",), "fusion": ("poster", "overview")}
OUTPUTS = ("genres", "scores", "predicted")


@dataclass(frozen=True, kw_only=True)
class Film:
    """What a model is asked about; either may be empty, for a film that lacks it.

    Attributes:
        poster: the bytes of a JPEG or PNG file.
        overview: plain text.
    """

    poster: bytes = b""
    overview: str = ""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a model says of one film.

    Attributes:
        model: its name.
        version: of the model.
        scores: by genre, 0 to 1, falling.
        genres: those that the model says the film has: whose scores reach the genre's own threshold; falling.
    """

    model: str
    version: int
    scores: dict[str, float]
    genres: tuple[str, ...]


def request(
    films: Sequence[Film], model: str, version: int | None = None, label: str = ""
) -> predict_pb2.PredictRequest:
    """A request for films.

    Args:
        films: one or more.
        model: a model's name; of names other than cnn, lstm and fusion, both inputs are sent.
        version: None for the latest, or what `label` says.
        label: such as "stable".
    """
    message = predict_pb2.PredictRequest(output_filter=OUTPUTS)
    message.model_spec.name = model
    if version is not None:
        message.model_spec.version.value = version
    elif label:
        message.model_spec.version_label = label
    for name in INPUTS.get(model, ("poster", "overview")):
        values = [film.poster if name == "poster" else film.overview.encode() for film in films]
        tensor = message.inputs[name]
        tensor.dtype = types_pb2.DT_STRING
        tensor.tensor_shape.dim.add(size=len(values))
        tensor.string_val.extend(values)
    return message


def predictions(response: predict_pb2.PredictResponse) -> list[Prediction]:
    """The answer, film by film, in the order of the request."""
    spec = response.model_spec
    names = [name.decode() for name in response.outputs["genres"].string_val]
    scores = _numbers(response.outputs["scores"], np.float32)
    predicted = _numbers(response.outputs["predicted"], np.int64)
    found = []
    for row, (values, said) in enumerate(zip(scores, predicted, strict=True)):
        genres = names[row * scores.shape[1] : (row + 1) * scores.shape[1]]
        order = np.argsort(-values, kind="stable")
        found.append(
            Prediction(
                model=spec.name,
                version=spec.version.value,
                scores={genres[i]: float(values[i]) for i in order},
                genres=tuple(genres[i] for i in order if said[i]),
            )
        )
    return found


def _numbers(tensor: tensor_pb2.TensorProto, kind: type[np.generic]) -> np.ndarray:
    """Either of the two ways in which a TensorProto holds numbers."""
    shape = [side.size for side in tensor.tensor_shape.dim]
    if tensor.tensor_content:
        return np.frombuffer(tensor.tensor_content, kind).reshape(shape)
    values = tensor.float_val if tensor.dtype == types_pb2.DT_FLOAT else tensor.int64_val
    flat = np.array(values, kind)
    if flat.size == 1:  # one value stands for all
        flat = np.repeat(flat, int(np.prod(shape)))
    return flat.reshape(shape)
