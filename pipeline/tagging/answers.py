"""What a model says of films, and the files that it goes into."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a model says of one film.

    Attributes:
        id: of the film.
        scores: of each genre, 0..1, in the model's order.
        predicted: whether the film has each genre, in the same order.
    """

    id: str
    scores: tuple[float, ...]
    predicted: tuple[bool, ...]

    def named(self, genres: Sequence[str]) -> list[str]:
        """The genres that the film has, most likely first."""
        said = [number for number, there in enumerate(self.predicted) if there]
        return [genres[number] for number in sorted(said, key=lambda number: -self.scores[number])]


@dataclass(frozen=True, kw_only=True)
class Format:
    """A kind of file.

    Attributes:
        head: its first lines, by the model's genres.
        lines: those of answers, by the model's genres.
    """

    head: Callable[[Sequence[str]], str]
    lines: Callable[[Sequence[str], Sequence[Answer]], str]


def _csv(rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def _csv_lines(genres: Sequence[str], answers: Sequence[Answer]) -> str:
    rows = [(each.id, "|".join(each.named(genres)), *(f"{score:.6g}" for score in each.scores)) for each in answers]
    return _csv(rows)


def _json_lines(genres: Sequence[str], answers: Sequence[Answer]) -> str:
    return "".join(
        json.dumps(
            {
                "id": each.id,
                "genres": each.named(genres),
                "scores": {genre: float(f"{score:.6g}") for genre, score in zip(genres, each.scores, strict=True)},
            },
            ensure_ascii=False,
        )
        + "\n"
        for each in answers
    )


# csv: Id, Genres (most likely first, as `marquee predict` has them), and a column of scores for each genre.
FORMATS = {
    "csv": Format(head=lambda genres: _csv([("Id", "Genres", *genres)]), lines=_csv_lines),
    "jsonl": Format(head=lambda genres: "", lines=_json_lines),
}
