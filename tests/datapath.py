"""The data path over fake films, component by component, without an orchestrator."""

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfx.components.statistics_gen.component import StatisticsGen
from tfx.types import channel_utils

from components.film_example_gen.component import FilmExampleGen
from components.film_example_gen.driver import Driver
from components.film_schema_gen.component import FilmSchemaGen
from components.film_statistics import film_stats_options
from components.film_transform.component import FilmTransform
from components.label_balance.artifact import FILE_NAME
from components.label_balance.component import LabelBalance
from tests.execute import execute as run_component
from tests.films import FakeFilm, write_span

IMAGE_SIZE = 32
CONFIG = {"image_size": IMAGE_SIZE, "vocabulary_size": 200, "max_words": 20, "ngram_buckets": 64}


@dataclass(frozen=True)
class DataPath:
    """What the components left."""

    examples: Path  # raw, with Split-train and so on below
    transformed: Path
    graph: Path
    balance: dict[str, Any]  # label_balance.json

    def raw(self, split: str) -> list[bytes]:
        """Serialized raw tf.Examples."""
        return _records(self.examples, split)

    def given_to_trainers(self, split: str) -> list[bytes]:
        """Serialized transformed tf.Examples."""
        return _records(self.transformed, split)


def transformed(folder: Path, films: Sequence[FakeFilm], beam_args: Sequence[str] | None = None) -> DataPath:
    """Runs the data path on fake films, its Beam jobs with `beam_args`; the default engine's where None."""
    write_span(folder / "films", 1, films)
    return of_span(folder, beam_args)


def of_span(folder: Path, beam_args: Sequence[str] | None = None) -> DataPath:
    """Runs the data path on the span in `folder / "films"`."""
    execute = functools.partial(run_component, beam_args=beam_args)
    ingest = FilmExampleGen(input_base=str(folder / "films"), span=1)
    given = {key: value for key, value in ingest.exec_properties.items() if value is not None}
    examples = execute(ingest, {}, folder / "ingest", Driver(None).resolve_exec_properties(given, None, None))[
        "examples"
    ]
    channel = channel_utils.as_channel(examples)
    statistics = execute(
        StatisticsGen(examples=channel, stats_options=film_stats_options()),
        {"examples": examples},
        folder / "statistics",
    )["statistics"]
    schema = execute(
        FilmSchemaGen(statistics=channel_utils.as_channel(statistics)), {"statistics": statistics}, folder / "schema"
    )["schema"]
    balance = execute(
        LabelBalance(
            examples=channel,
            statistics=channel_utils.as_channel(statistics),
            min_train=1,
            min_test=1,
            on_rare="warn",
            merge_into="Other",
            beta=0.999,
            repeat_threshold=0.4,
        ),
        {"examples": examples, "statistics": statistics},
        folder / "balance",
    )["label_balance"]
    outputs = execute(
        FilmTransform(
            examples=channel,
            schema=channel_utils.as_channel(schema),
            label_balance=channel_utils.as_channel(balance),
            preprocessing_fn="transform.preprocessing.preprocessing_fn",
            custom_config=CONFIG,
        ),
        {"examples": examples, "schema": schema, "label_balance": balance},
        folder / "transform",
    )
    return DataPath(
        examples=Path(examples[0].uri),
        transformed=Path(outputs["transformed_examples"][0].uri),
        graph=Path(outputs["transform_graph"][0].uri),
        balance=json.loads((Path(balance[0].uri) / FILE_NAME).read_text(encoding="utf-8")),
    )


def _records(folder: Path, split: str) -> list[bytes]:
    import tensorflow as tf

    files = sorted(str(file) for file in (folder / f"Split-{split}").iterdir())
    return list(tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator())
