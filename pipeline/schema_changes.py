"""What the statistics of a span would change in a schema, as a schema, in words and as text."""

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from google.protobuf.message import Message
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.film_statistics import film_stats_options
from transform import features
from transform.errors import MarqueeError

DATA_SET = "the data set"
SHARES = {"presence.min_fraction", "distribution_constraints.min_domain_mass"}
WORDS = {
    "presence.min_fraction": "presence relaxed: films that have it, at least",
    "presence.min_count": "films that have it, at least",
    "value_count.min": "values of a film, at least",
    "value_count.max": "values of a film, at most",
    "int_domain.min": "smallest value allowed",
    "int_domain.max": "largest value allowed",
    "float_domain.min": "smallest value allowed",
    "float_domain.max": "largest value allowed",
    "distribution_constraints.min_domain_mass": "values that are in the list, at least",
}


def parse(text: str, origin: str) -> schema_pb2.Schema:
    """The schema in the text of a pbtxt file.

    Raises:
        MarqueeError: it is none; the message names `origin` and the line.
    """
    try:
        return text_format.Parse(text, schema_pb2.Schema())
    except text_format.ParseError as error:
        raise MarqueeError(f"{origin}: not a schema: {error}") from error


def updated(
    schema: schema_pb2.Schema, statistics: Mapping[str, statistics_pb2.DatasetFeatureStatistics]
) -> schema_pb2.Schema:
    """The schema that TFDV makes of `schema` so that every split of `statistics` fits it.

    A list of values stays one up to as many of them as statistics list.
    """
    for split in statistics.values():
        schema = tfdv.update_schema(
            schema,
            statistics_pb2.DatasetFeatureStatisticsList(datasets=[split]),
            max_string_domain_size=film_stats_options().num_rank_histogram_buckets,
        )
    return schema


def sentences(
    before: schema_pb2.Schema,
    after: schema_pb2.Schema,
    statistics: Mapping[str, statistics_pb2.DatasetFeatureStatistics],
) -> list[str]:
    """One sentence for each difference of two schemas; films are counted over all splits of `statistics`."""
    old = {feature.name: feature for feature in before.feature}
    found = []
    for feature in after.feature:
        if feature.name not in old:
            found.append(f"{feature.name}: new feature, of type {schema_pb2.FeatureType.Name(feature.type)}")
            continue
        known = _listed_values(old[feature.name], before)
        found += _differences(feature.name, old[feature.name], feature)
        if known:
            new = [value for value in _listed_values(feature, after) if value not in known]
            found += _new_values(feature.name, new, statistics)
    return found + list(_differences(DATA_SET, _without_features(before), _without_features(after)))


def edited(text: str, before: schema_pb2.Schema, after: schema_pb2.Schema) -> str:
    """The text of a schema file with `after` in it instead of `before`.

    Where the file differs from what protobuf prints in nothing but blank lines and lines of comment, those stay.
    """
    old, new = _printed(before), _printed(after)
    lines = _lines(text)
    content = [number for number, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")]
    if [lines[number] for number in content] != old:
        return _joined(new)
    result, position = [], 0
    for tag, old_start, old_end, new_start, new_end in difflib.SequenceMatcher(None, old, new, False).get_opcodes():
        replaced = content[old_start:old_end]
        if replaced:
            result += lines[position : replaced[0]]
            position = replaced[0]
        if tag == "equal":
            result += lines[position : replaced[-1] + 1]
            position = replaced[-1] + 1
            continue
        result += new[new_start:new_end]
        for number in replaced:
            result += lines[position:number]
            position = number + 1
    return _joined(result + lines[position:])


def unified_diff(before: str, after: str, name: str, source: str) -> str:
    """A unified diff of a file's text with what `source` makes of it."""
    return _joined(difflib.unified_diff(_lines(before), _lines(after), name, f"{name}, with {source}", lineterm=""))


def _printed(schema: schema_pb2.Schema) -> list[str]:
    return _lines(text_format.MessageToString(schema, as_utf8=True))  # genres stay readable in any language


def _lines(text: str) -> list[str]:
    """Not by str.splitlines, which also ends a line at characters that a genre may hold."""
    return text.removesuffix("\n").split("\n")


def _joined(lines: Any) -> str:
    return "".join(f"{line}\n" for line in lines)


def _without_features(schema: schema_pb2.Schema) -> schema_pb2.Schema:
    rest = schema_pb2.Schema()
    rest.CopyFrom(schema)
    rest.ClearField("feature")
    rest.ClearField("string_domain")
    return rest


def _differences(name: str, before: Message, after: Message) -> Iterator[str]:
    """A sentence for each field but the listed values."""
    old, new = _fields(before), _fields(after)
    for field in dict.fromkeys([*old, *new]):
        was, now = old.get(field), new.get(field)
        if was == now or field == "string_domain.value":
            continue
        if field == "lifecycle_stage" and now == schema_pb2.DEPRECATED:
            yield f"{name}: no longer validated (deprecated): the films lack it, or it has another type"
        elif field in ("domain", "string_domain.name") and now is None:
            yield f"{name}: no longer limited to a list of values"
        else:
            yield f"{name}: {WORDS.get(field, field)} {_value(field, was)} -> {_value(field, now)}"


def _fields(message: Message, prefix: str = "") -> dict[str, Any]:
    """Dotted path to value of every field that is set, repeated ones as tuples."""
    found: dict[str, Any] = {}
    for descriptor, value in message.ListFields():
        path = prefix + descriptor.name
        if isinstance(value, Message):
            found |= _fields(value, f"{path}.")
        elif isinstance(value, (int, float, str, bytes)):
            found[path] = value
        else:
            found[path] = tuple(str(item) for item in value)
    return found


def _value(field: str, value: Any) -> str:
    if value is None:
        return "none"
    if field in SHARES:
        return f"{100 * value:.4g} %"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _listed_values(feature: schema_pb2.Feature, schema: schema_pb2.Schema) -> list[str]:
    """The values that a feature may have, from its own list or from one that the schema shares."""
    if feature.HasField("string_domain"):
        return list(feature.string_domain.value)
    return [value for domain in schema.string_domain if domain.name == feature.domain for value in domain.value]


def _new_values(
    name: str, values: list[str], statistics: Mapping[str, statistics_pb2.DatasetFeatureStatistics]
) -> Iterator[str]:
    films = _films_by_value(name, statistics)
    what = "genre" if name == features.GENRES else "value"
    for value in values:
        yield f'new {what} "{value}" in {name} ({films[value]} film{"" if films[value] == 1 else "s"})'


def _films_by_value(name: str, statistics: Mapping[str, statistics_pb2.DatasetFeatureStatistics]) -> Counter[str]:
    films: Counter[str] = Counter()
    for split in statistics.values():
        for feature in split.features:
            if list(feature.path.step) == [name]:
                for bucket in feature.string_stats.rank_histogram.buckets:
                    films[bucket.label] += round(bucket.sample_count)
    return films
