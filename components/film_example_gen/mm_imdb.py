"""The MM-IMDB layout: `<id>.json` beside `<id>.jpeg`.

The JSON is what IMDbPY gave: `genres` a list; `plot` a list of texts, some ending in `::author`, or one text;
`plot outline` a shorter text. The longest plot is the overview, as in the dataset's paper (Arevalo et al.,
"Gated Multimodal Units for Information Fusion", 2017); the outline stands in where there is none.
"""

import json
import os
import re
from collections.abc import Iterator
from typing import Any

from components.film_example_gen.films import Film, Reason, Reject, checked, one_line
from components.film_example_gen.reader import Reader, posters_in
from transform.errors import MarqueeError

_JSON = ".json"
_AUTHOR = re.compile(r"::[^\n]{0,100}$")


class MmImdbReader(Reader):
    """Reads one JSON file a film."""

    expects = "<id>.json beside <id>.jpeg"

    def recognises(self) -> bool:
        return any(name.endswith(_JSON) for name in os.listdir(self.folder))

    def check(self) -> None:
        try:
            found = self.recognises()
        except OSError as error:
            raise MarqueeError(f"{self.folder} cannot be read: {error.strerror}.") from error
        if not found:
            raise MarqueeError(f"{self.folder}: no films found. Expected: {self.expects}.")

    def poster_files(self) -> int:
        return sum(len(names) for names in posters_in(self.folder).values())

    def read(self) -> Iterator[Film | Reject]:
        posters = posters_in(self.folder)
        for name in sorted(os.listdir(self.folder)):
            if name.endswith(_JSON):
                film_id = name.removesuffix(_JSON)
                yield self._film(name, film_id, posters.get(film_id, [""])[0])

    def _film(self, name: str, film_id: str, poster: str) -> Film | Reject:
        def reject(reason: Reason, detail: str) -> Reject:
            return Reject(film_id, None, name, reason, detail)

        try:
            with open(os.path.join(self.folder, name), encoding="utf-8-sig") as file:
                content = json.load(file)
        except OSError as error:
            return reject(Reason.BROKEN_JSON, f"cannot be opened: {error.strerror}")
        except UnicodeDecodeError:
            return reject(Reason.NOT_UTF8, "the text is not UTF-8")
        except (ValueError, RecursionError) as error:
            return reject(Reason.BROKEN_JSON, f"not JSON: {error}")
        if not isinstance(content, dict):
            return reject(Reason.BROKEN_JSON, f"expected an object, found a {type(content).__name__}")
        genres = content.get("genres") or [] if self.tagged else []
        if not _is_texts(genres):
            return reject(Reason.GENRE_NOT_LIST, f"genres is {genres!r:.100}")
        names = tuple(dict.fromkeys(one_line(genre) for genre in genres if genre.strip()))
        return checked(Film(film_id, names, _overview(content), poster, name), self.tagged)


def _overview(content: dict[str, Any]) -> str:
    plots = content.get("plot") or []
    if isinstance(plots, str):
        plots = [plots]
    if not _is_texts(plots):
        plots = []
    texts = [_AUTHOR.sub("", plot.strip()).strip() for plot in plots]
    outline = content.get("plot outline")
    return max(texts, key=len, default="") or (outline.strip() if isinstance(outline, str) else "")


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
