"""One TFMA metric that carries every figure of `multilabel`.

One combiner over whole rows takes seconds where a metric for each genre and slice takes a minute, and can
state what those cannot: samples F1, and the best constant predictor of the same rows.
"""

from collections.abc import Iterable

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_types, metric_util
from tensorflow_model_analysis.proto import config_pb2

from components.genre_evaluator import multilabel

# Names of the figures of a slice; `micro_f1_margin` is micro-F1 minus that of the best constant predictor.
FIGURES = (
    "films",
    "micro_precision",
    "micro_recall",
    "micro_f1",
    "macro_precision",
    "macro_recall",
    "macro_f1",
    "weighted_f1",
    "samples_f1",
    "mean_average_precision",
    "micro_f1_margin",
    "unusable_films",
    "score_range",
)
CONSTANT_FIGURES = ("constant_micro_f1", "constant_macro_f1", "all_genres_micro_f1", "all_genres_macro_f1")
# Names of the figures of a genre, whose key has `SubKey(class_id=<its column>)`.
GENRE_FIGURES = ("precision", "recall", "f1", "average_precision", "support")

Rows = list[np.ndarray]  # blocks of [n, 3G] float32: labels, scores, decisions


def figures(evaluation: multilabel.Evaluation) -> dict[str, float]:
    """The figures of a slice by name."""
    constants = {
        "constant_micro_f1": evaluation.best_constant.micro_f1,
        "constant_macro_f1": evaluation.best_constant.macro_f1,
        "all_genres_micro_f1": evaluation.all_genres.micro_f1,
        "all_genres_macro_f1": evaluation.all_genres.macro_f1,
    }
    return {name: float(getattr(evaluation, name)) for name in FIGURES} | constants


class MultiLabelMetrics(tfma.metrics.Metric):
    """Every figure of `multilabel.evaluate`, for labels [G] and predictions [2G] (scores, then decisions)."""

    def __init__(self, name: str = "multi_label") -> None:
        super().__init__(_computations, name=name)


# TFMA finds a custom metric by module and class name; registering spares it the look-up.
metric_types.register_metric(MultiLabelMetrics)


def _computations(
    name: str,
    eval_config: config_pb2.EvalConfig | None = None,
    model_names: list[str] | None = None,
) -> list[metric_types.MetricComputation]:
    return [
        metric_types.MetricComputation(
            keys=[_key(figure, model) for figure in FIGURES + CONSTANT_FIGURES],
            preprocessors=None,
            combiner=_RowsCombiner(eval_config, model),
        )
        for model in model_names or [""]
    ]


def _key(figure: str, model_name: str, genre: int | None = None) -> metric_types.MetricKey:
    # With any other `example_weighted`, thresholds do not find the metric.
    sub_key = None if genre is None else metric_types.SubKey(class_id=genre)
    return metric_types.MetricKey(name=figure, model_name=model_name, sub_key=sub_key, example_weighted=None)


class _RowsCombiner(beam.CombineFn):
    """Gathers the rows of a slice; its state is 12 bytes a film and genre."""

    def __init__(self, eval_config: config_pb2.EvalConfig | None, model_name: str) -> None:
        self._eval_config = eval_config
        self._model_name = model_name

    def create_accumulator(self) -> Rows:
        return []

    def add_input(self, accumulator: Rows, element: metric_types.StandardMetricInputs) -> Rows:
        for labels, prediction, _ in metric_util.to_label_prediction_example_weight(
            element, eval_config=self._eval_config, model_name=self._model_name, flatten=False, squeeze=False
        ):
            row = np.concatenate([labels.ravel(), prediction.ravel()]).astype(np.float32)
            accumulator.append(row[np.newaxis])
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Rows]) -> Rows:
        return [block for accumulator in accumulators for block in accumulator]

    def compact(self, accumulator: Rows) -> Rows:
        return [np.concatenate(accumulator)] if accumulator else []

    def extract_output(self, accumulator: Rows) -> dict[metric_types.MetricKey, float]:
        if not accumulator:
            return {}
        evaluation = multilabel.evaluate(*np.split(np.concatenate(accumulator), 3, axis=1))
        output = {_key(name, self._model_name): value for name, value in figures(evaluation).items()}
        for name in GENRE_FIGURES:
            for genre, value in enumerate(getattr(evaluation, name)):
                output[_key(name, self._model_name, genre)] = float(value)
        return output
