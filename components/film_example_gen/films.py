"""A film as a span holds it, and the fate of what cannot be used.

Every reject is one line of the artifact's `rejects.jsonl`, counted by reason in its `ingest.json`. Its `kept`
says whether the film itself stays.

    reason                 what is wrong                                              film
    missing_id             the Id is empty                                            lost
    bad_id                 the Id has characters other than A-Z a-z 0-9 _ -           lost
    duplicate_id           an earlier row is the very same                            lost (the first counts)
    duplicate_id_conflict  an earlier row has the same Id and other content           lost (the first counts)
    broken_row             ragged, badly quoted, or over 16,777,216 characters        lost
    broken_json            unreadable file, not JSON, not an object                   lost
    nul_bytes              the row holds NUL bytes                                    lost
    not_utf8               the text is not UTF-8                                      lost
    genre_not_list         Genre is not a list of strings                             kept if one-hot columns say it
    one_hot_not_binary     a one-hot cell is not 0 or 1                               lost
    genres_disagree        list and one-hot columns differ                            lost
    no_genres              nothing to train on or to measure against                  lost
    no_poster_no_overview  nothing to tell a genre from                               lost
    poster_unreadable      cannot be opened, or the data is cut short or corrupt      kept if there is an overview
    poster_format          neither JPEG nor PNG                                       kept if there is an overview
    poster_too_large       over 50 megapixels or 32 MiB                               kept if there is an overview
    images_missing         the span has no Images folder                              kept (one line for the span)

Where films come to be tagged, and not to be learnt from (`tagged=False`), genres are left alone, and so are their
three reasons and no_genres. Two more are pipeline/tagging's:

    no_input               nothing that this model looks at                           lost
    model_refused          the model gives no answer that can be used                 lost

Not rejects: a film without a poster or without an overview has an empty feature (counted as
`films_without_poster`, `films_without_overview`); blank lines of a CSV hold no film. CMYK, grey, palette,
progressive and transparent pictures pass as they are: the decoder makes RGB of them.
"""

import enum
import json
import re
from dataclasses import asdict, dataclass

_ID = re.compile(r"[A-Za-z0-9_-]+")
_SURROGATE = re.compile("[\ud800-\udfff]")  # how Python carries bytes or escapes that are not Unicode text


class Reason(str, enum.Enum):
    """Why a film, or a part of it, is rejected; the module's docstring has the fate of each."""

    MISSING_ID = "missing_id"
    BAD_ID = "bad_id"
    DUPLICATE_ID = "duplicate_id"
    DUPLICATE_ID_CONFLICT = "duplicate_id_conflict"
    BROKEN_ROW = "broken_row"
    BROKEN_JSON = "broken_json"
    NUL_BYTES = "nul_bytes"
    NOT_UTF8 = "not_utf8"
    GENRE_NOT_LIST = "genre_not_list"
    ONE_HOT_NOT_BINARY = "one_hot_not_binary"
    GENRES_DISAGREE = "genres_disagree"
    NO_GENRES = "no_genres"
    NO_POSTER_NO_OVERVIEW = "no_poster_no_overview"
    POSTER_UNREADABLE = "poster_unreadable"
    POSTER_FORMAT = "poster_format"
    POSTER_TOO_LARGE = "poster_too_large"
    IMAGES_MISSING = "images_missing"
    NO_INPUT = "no_input"
    MODEL_REFUSED = "model_refused"


@dataclass(frozen=True)
class Film:
    """One film of a span.

    Attributes:
        id: its Id.
        genres: without repeats.
        overview: stripped; empty where there is none.
        poster: the poster file, relative to the span; empty where there is none.
        file: the file that describes it, relative to the span.
        row: line of `file` on which it begins, the header being 1; None where a file holds one film.
    """

    id: str
    genres: tuple[str, ...]
    overview: str
    poster: str
    file: str
    row: int | None = None


@dataclass(frozen=True)
class Reject:
    """A row, a file or a poster that cannot be used; `kept` where the film stays without it."""

    id: str
    row: int | None
    file: str
    reason: Reason
    detail: str
    kept: bool = False

    def to_json(self) -> str:
        """One line of `rejects.jsonl`; what is not Unicode text becomes U+FFFD."""
        return _SURROGATE.sub("\ufffd", json.dumps(asdict(self), ensure_ascii=False))


def checked(film: Film, tagged: bool = True) -> Film | Reject:
    """`film` itself, or the reject that it deserves in any layout; `tagged` where it needs genres."""

    def reject(reason: Reason, detail: str) -> Reject:
        return Reject(film.id, film.row, film.file, reason, detail)

    if not film.id:
        return reject(Reason.MISSING_ID, "the Id is empty")
    if not is_text(film.id, film.overview, *film.genres):
        return reject(Reason.NOT_UTF8, "the text is not UTF-8")
    if not _ID.fullmatch(film.id):
        return reject(Reason.BAD_ID, f"Id {film.id!r} may hold letters, digits, _ and - only")
    if tagged and not film.genres:
        return reject(Reason.NO_GENRES, "no genre is given")
    if not film.poster and not film.overview:
        return reject(Reason.NO_POSTER_NO_OVERVIEW, "neither poster nor overview")
    return film


def one_line(name: str) -> str:
    """A genre's name with single spaces: a vocabulary's file has a name a line, and none that holds an end of one."""
    return " ".join(name.split())


def is_text(*texts: str) -> bool:
    """Whether all of it is Unicode text, that is without surrogates."""
    return not _SURROGATE.search("".join(texts))
