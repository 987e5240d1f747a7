"""The Beam job: films parsed in one thread, dealt out in parts, each part answered and written by one worker.

Beam's RunInference loads the model once a process. Its element is a part, not a film: a part's answers are written
as soon as they are there, where a grouping of films by part would hold back every file to the end of the job. A part
holds no posters; a worker opens those of two batches at a time.
"""

import dataclasses
import itertools
import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import apache_beam as beam
import tensorflow as tf
from apache_beam.ml.inference.base import ModelHandler, RunInference
from apache_beam.options.pipeline_options import PipelineOptions

from components.film_example_gen import examples
from components.film_example_gen.films import Film, Reason, Reject
from components.film_example_gen.reader import Reader
from pipeline.tagging.answers import Answer
from pipeline.tagging.folder import AnswersFolder
from pipeline.tagging.models import SIGNATURE, PushedModel
from serving.server import errors
from transform import features

BATCH = 32  # films of a call of the model


class Part(NamedTuple):
    """Consecutive items of a reader."""

    number: int
    items: list[Film | Reject]


class Tagged(NamedTuple):
    """What becomes of a part, in its order."""

    number: int
    answers: list[Answer]
    rejects: list[Reject]


class _Examined(NamedTuple):
    """A batch with its posters read; a film and its serialized tf.Example stand at the same place."""

    films: list[Film]
    serialized: list[bytes]
    rejects: list[Reject]


def run(reader: Reader, model: PushedModel, folder: AnswersFolder, options: PipelineOptions, spread: bool) -> None:
    """Answers and writes the parts that are missing.

    Args:
        reader: of the films.
        model: to ask.
        folder: which has begun.
        options: Beam's.
        spread: whether several workers share the parts. One worker needs no shuffle, which on the direct runner
            would hold all that has been parsed.
    """
    with beam.Pipeline(options=options) as pipeline:
        parts = (
            pipeline
            | "Films" >> beam.Create([reader])
            | "Parts" >> beam.FlatMap(parts_of, folder, frozenset(folder.done()))
        )
        if spread:
            parts = parts | "Deal" >> beam.Reshuffle()
        _ = parts | "Tag" >> RunInference(Tagger(model, reader.folder)) | "Write" >> beam.Map(_write, folder)


def parts_of(reader: Reader, folder: AnswersFolder, done: Collection[int] = ()) -> Iterator[Part]:
    """What a reader gives, in parts for a folder, without those that are done; the folder learns how many there are."""
    items = reader.read()
    for number in itertools.count():
        part = list(itertools.islice(items, folder.manifest.part))
        if not part:
            folder.write_total(number)
            return
        if number not in done:
            yield Part(number, part)


def _write(tagged: Tagged, folder: AnswersFolder) -> None:
    folder.write_part(tagged.number, tagged.answers, tagged.rejects)


class Tagger(ModelHandler[Part, Tagged, Any]):
    """Answers parts by the signature that clients ask, while the posters of the next batch are read and judged."""

    def __init__(self, model: PushedModel, films: str):
        """`films` is the folder that posters are named from."""
        super().__init__()
        self._model = model
        self._films = films

    def load_model(self) -> Any:
        loaded = tf.saved_model.load(self._model.folder)
        call = loaded.signatures[SIGNATURE]
        call.loaded = loaded  # a signature alone does not keep the variables alive
        return call

    def batch_elements_kwargs(self) -> dict[str, Any]:
        return {"min_batch_size": 1, "max_batch_size": 1}

    def run_inference(
        self, batch: Sequence[Part], model: Any, inference_args: dict[str, Any] | None = None
    ) -> Iterable[Tagged]:
        for part in batch:
            tagged = Tagged(part.number, [], [])
            for examined in self._examined(part.items):
                tagged.rejects.extend(examined.rejects)
                said = self._ask(model, examined.films, examined.serialized)
                tagged.answers.extend(each for each in said if isinstance(each, Answer))
                tagged.rejects.extend(each for each in said if isinstance(each, Reject))
            yield tagged

    def _examined(self, items: Sequence[Film | Reject]) -> Iterator[_Examined]:
        """Batches in order; each is examined while the model is asked about the one before."""
        with ThreadPoolExecutor(1) as pool:
            ahead = None
            for start in range(0, len(items), BATCH):
                following = pool.submit(self._examine, items[start : start + BATCH])
                if ahead:
                    yield ahead.result()
                ahead = following
            if ahead:
                yield ahead.result()

    def _examine(self, items: Sequence[Film | Reject]) -> _Examined:
        batch = _Examined([], [], [])
        seen = [item if isinstance(item, Reject) else self._seen(item) for item in items]
        converted = examples.convert([each for each in seen if isinstance(each, Film)], self._films)
        for item, each in zip(items, seen, strict=True):
            example, reject = (None, each) if isinstance(each, Reject) else next(converted)
            if reject:
                batch.rejects.append(reject)
            if example and isinstance(item, Film):
                batch.films.append(item)
                batch.serialized.append(example)
        return batch

    def _seen(self, film: Film) -> Film | Reject:
        """What the model looks at of a film."""
        seen = dataclasses.replace(
            film,
            poster=film.poster if features.POSTER in self._model.inputs else "",
            overview=film.overview if features.OVERVIEW in self._model.inputs else "",
        )
        if not seen.poster and not seen.overview:
            wanted = " and the ".join(self._model.inputs)
            detail = f"{self._model.name} looks at the {wanted}, which the film lacks"
            return Reject(film.id, film.row, film.file, Reason.NO_INPUT, detail)
        return seen

    def _ask(self, call: Any, films: Sequence[Film], serialized: Sequence[bytes]) -> list[Answer | Reject]:
        """An answer for each film, or why there is none; one bad film costs no other its answer."""
        if not films:
            return []
        try:
            said = call(tf.constant(serialized))
        except (tf.errors.InvalidArgumentError, UnicodeDecodeError) as error:
            if len(films) == 1:
                return [_refused(films[0], errors.of(error).message)]
            return [self._ask(call, [film], [one])[0] for film, one in zip(films, serialized, strict=True)]
        scores, predicted = said["scores"].numpy().tolist(), said["predicted"].numpy().astype(bool).tolist()
        return [
            Answer(id=film.id, scores=tuple(row), predicted=tuple(there))
            if all(map(math.isfinite, row))
            else _refused(film, "a score is not a number")
            for film, row, there in zip(films, scores, predicted, strict=True)
        ]


def _refused(film: Film, detail: str) -> Reject:
    return Reject(film.id, film.row, film.file, Reason.MODEL_REFUSED, detail)
