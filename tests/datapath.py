"""The data path over fake films, component by component, without an orchestrator."""

from dataclasses import dataclass
from pathlib import Path

from tfx.components.statistics_gen.component import StatisticsGen
from tfx.components.transform.component import Transform
from tfx.types import channel_utils

from components.film_example_gen.component import FilmExampleGen
from components.film_example_gen.driver import Driver
from components.film_schema_gen.component import FilmSchemaGen
from components.film_statistics import film_stats_options
from tests.execute import execute
from tests.films import fake_films, write_span

IMAGE_SIZE = 32
CONFIG = {"image_size": IMAGE_SIZE, "vocabulary_size": 200, "max_words": 20}


@dataclass(frozen=True)
class DataPath:
    """What the components left."""

    examples: Path  # raw, with Split-train and so on below
    transformed: Path
    graph: Path

    def raw(self, split: str) -> list[bytes]:
        """Serialized raw tf.Examples."""
        return _records(self.examples, split)


def transformed(folder: Path, films: int) -> DataPath:
    """Runs the data path on so many fake films."""
    write_span(folder / "films", 1, fake_films(films))
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
    outputs = execute(
        Transform(
            examples=channel,
            schema=channel_utils.as_channel(schema),
            preprocessing_fn="transform.preprocessing.preprocessing_fn",
            custom_config=CONFIG,
            disable_statistics=True,
        ),
        {"examples": examples, "schema": schema},
        folder / "transform",
    )
    return DataPath(
        examples=Path(examples[0].uri),
        transformed=Path(outputs["transformed_examples"][0].uri),
        graph=Path(outputs["transform_graph"][0].uri),
    )


def _records(folder: Path, split: str) -> list[bytes]:
    import tensorflow as tf

    files = sorted(str(file) for file in (folder / f"Split-{split}").iterdir())
    return list(tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator())
