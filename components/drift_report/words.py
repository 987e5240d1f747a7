"""Differences between two sets of films as a reader would say them."""

from collections.abc import Iterable, Mapping
from typing import Any

MOST_CHANGED = 5  # genres that a sentence names for the change of their share
MOST_LISTED = 30  # and for being gone or new: there is no larger change


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def genres(rows: Iterable[Mapping[str, Any]]) -> str:
    """Genres with their shares of the films before and after, the largest changes first.

    Args:
        rows: `genre`, `before` and `after` (shares of the films), by falling change.
    """
    rows = [row for row in rows if row["before"] != row["after"]]
    changed = [row for row in rows if row["before"] and row["after"]]
    parts = [", ".join(map(genre, changed[:MOST_CHANGED]))]
    for label, known, share in (("gone", "after", "before"), ("new", "before", "after")):
        found = [f"{row['genre']} ({percent(row[share])})" for row in rows if not row[known]]
        more = f" and {len(found) - MOST_LISTED} more" if len(found) > MOST_LISTED else ""
        parts.append(f"{label}: {', '.join(found[:MOST_LISTED])}{more}" if found else "")
    return "; ".join(part for part in parts if part) or "the same shares"


def genre(row: Mapping[str, Any]) -> str:
    return f"{row['genre']} {percent(row['before'])} -> {percent(row['after'])}"


def number(before: Mapping[str, float], after: Mapping[str, float]) -> str:
    return ", ".join(f"{key} {before[key]:.4g} -> {after[key]:.4g}" for key in ("mean", "median"))


def values(before: int, after: int) -> str:
    return f"{before:,} -> {after:,} different values"


def presence(feature: str, before: float, after: float) -> str:
    return f"{percent(before)} -> {percent(after)} of the films have {'an' if feature[0] in 'aeiou' else 'a'} {feature}"


def films(before: int, after: int) -> str:
    times = f", {after / before:.3g} times as many" if before else ""
    return f"{before:,} -> {after:,} films{times}"
