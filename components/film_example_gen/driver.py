"""Finds the span and fingerprints all of it, posters included, so that a changed picture is a changed input."""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator

from tfx.components.example_gen import driver, input_processor
from tfx.proto import example_gen_pb2, range_config_pb2

from transform.errors import MarqueeError

SPAN_PATTERN = "span-{SPAN}"
_SPAN = "{SPAN}"


class SpanInputProcessor(input_processor.InputProcessor):
    """Resolves the pattern, such as `span-{SPAN}/*`, to the span asked for, or else to the latest."""

    def __init__(
        self,
        input_base: str,
        splits: Iterable[example_gen_pb2.Input.Split],
        range_config: range_config_pb2.RangeConfig | None = None,
    ):
        super().__init__(splits=splits, range_config=range_config)
        self._input_base = input_base
        [split] = splits
        self._pattern = split.pattern.removesuffix("/*")

    def resolve_span_and_version(self) -> tuple[int, int | None]:
        """The span to read; spans have no versions.

        Raises:
            MarqueeError: the folder, its spans, or the one asked for is missing.
        """
        spans = spans_in(self._input_base, self._pattern)
        if self._range_config is None:
            return spans[-1], None
        span = self._range_config.static_range.start_span_number
        if span not in spans:
            there = ", ".join(map(str, spans))
            raise MarqueeError(f"{self._input_base} has no span {span}. Spans there: {there}.")
        return span, None

    def get_latest_span(self) -> int:
        return spans_in(self._input_base, self._pattern)[-1]

    def get_pattern_for_span_version(self, pattern: str, span: int, version: int | None) -> str:
        return pattern.replace(_SPAN, str(span))

    def get_input_fingerprint(self, span: int, version: int | None) -> str:
        return fingerprint(span_folder(self._input_base, self._pattern, span))


class Driver(driver.FileBasedDriver):
    """TFX's driver for files, with the whole span in the cache key."""

    def get_input_processor(
        self,
        splits: Iterable[example_gen_pb2.Input.Split],
        range_config: range_config_pb2.RangeConfig | None = None,
        input_base_uri: str | None = None,
    ) -> SpanInputProcessor:
        assert input_base_uri
        return SpanInputProcessor(input_base_uri, splits, range_config)


def check_pattern(pattern: str) -> None:
    """Refuses patterns by which spans cannot be found.

    Raises:
        MarqueeError: no `{SPAN}`, several, another of TFX's placeholders, wildcards, or a path that is not below
            the folder of the spans.
    """
    rest = pattern.replace(_SPAN, "", 1)
    if _SPAN not in pattern or set("{}*?[]") & set(rest) or {"", ".", ".."} & set(pattern.split("/")):
        raise MarqueeError(
            f"data.pattern = {pattern!r}: allowed is the path of a span's folder below the data's root, with {_SPAN} "
            f"in it once, as {SPAN_PATTERN!r} or 'films/{_SPAN}/new'; no wildcards, versions or dates."
        )


def spans_in(folder: str, pattern: str = SPAN_PATTERN) -> list[int]:
    """Numbers of the spans in `folder`, rising; at least one.

    Args:
        folder: that holds the spans.
        pattern: of a span's folder below it; `check_pattern` has passed it.

    Raises:
        MarqueeError: the folder is missing, unreadable or without spans.
    """
    hint = (
        f"Expected {folder}/{pattern.replace(_SPAN, '1')}/ with films in it; `marquee sample --out {folder}` makes "
        f"some, DATA=<folder> names another."
    )
    *parents, level = pattern[: pattern.index(_SPAN)].split("/")
    rest = pattern[pattern.index(_SPAN) + len(_SPAN) :]
    tail, *below = rest.split("/")
    above = os.path.join(folder, *parents)
    try:
        names = [entry.name for entry in os.scandir(above) if os.path.isdir(os.path.join(entry.path, *below))]
    except OSError as error:
        raise MarqueeError(f"{above} cannot be read: {error.strerror}. {hint}") from error
    number = re.compile(re.escape(level) + "(0|[1-9][0-9]*)" + re.escape(tail))
    spans = sorted(int(match[1]) for name in names if (match := number.fullmatch(name)))
    if not spans:
        raise MarqueeError(f"{folder} holds no span. {hint}")
    return spans


def span_folder(folder: str, pattern: str, span: int) -> str:
    """The path of a span's folder, which need not be there."""
    return os.path.join(folder, pattern.replace(_SPAN, str(span)))


def fingerprint(folder: str) -> str:
    """A digest of path, size and modification time of every file below `folder`.

    Raises:
        MarqueeError: a folder is unreadable.
    """
    files = sorted(_files(folder, ""))
    digest = hashlib.sha256(repr(files).encode(errors="surrogateescape")).hexdigest()
    return f"files:{len(files)},bytes:{sum(size for _, size, _ in files)},sha256:{digest}"


def _files(folder: str, prefix: str, depth: int = 3) -> Iterator[tuple[str, int, int]]:
    try:
        entries = list(os.scandir(folder))
    except OSError as error:
        raise MarqueeError(f"{folder} cannot be read: {error.strerror}.") from error
    for entry in entries:
        path = prefix + entry.name
        if entry.is_dir() and depth > 0:  # a symlink to a parent folder must end somewhere
            yield from _files(entry.path, path + "/", depth - 1)
            continue
        try:
            status = entry.stat()
        except OSError:  # a symlink to nothing
            status = entry.stat(follow_symlinks=False)
        yield path, status.st_size, status.st_mtime_ns
