"""What TFMA is asked: the signatures, the slices, the metric, and the thresholds that decide a blessing."""

from google.protobuf import wrappers_pb2
from tensorflow_model_analysis.proto import config_pb2

from components.genre_evaluator import metric

SPLIT = "test"
SLICES = ("has_poster", "has_overview")  # outputs of `transform_labels`, "yes" or "no"

MARGIN = "micro_f1_margin"
UNUSABLE = "unusable_films"
MAP = "mean_average_precision"


def eval_config(max_map_drop: float, *, compare: bool = True) -> config_pb2.EvalConfig:
    """The evaluation of one model, and of a baseline where the Evaluator has one.

    Blessed is a model that, over the whole split, has a higher micro-F1 than the best constant predictor and
    a finite score for every film, and whose mean average precision lies at most `max_map_drop` below the
    baseline's. With `compare` off, the last condition is left out.
    """
    thresholds = {
        # Equal micro-F1 is an exact 0: both are the same quotient of counts.
        MARGIN: _value_threshold(lower_bound=1e-9),
        UNUSABLE: _value_threshold(upper_bound=0),
    }
    if compare:
        thresholds[MAP] = config_pb2.MetricThreshold(
            change_threshold=config_pb2.GenericChangeThreshold(
                direction=config_pb2.MetricDirection.HIGHER_IS_BETTER,
                absolute=wrappers_pb2.DoubleValue(value=-max_map_drop),
            )
        )
    return config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(
                signature_name="evaluate",
                label_key="labels",
                preprocessing_function_names=["transform_labels"],
            )
        ],
        slicing_specs=[config_pb2.SlicingSpec(feature_keys=keys) for keys in ([], *([key] for key in SLICES), SLICES)],
        metrics_specs=[
            config_pb2.MetricsSpec(
                metrics=[
                    config_pb2.MetricConfig(
                        class_name=metric.MultiLabelMetrics.__name__,
                        module=metric.MultiLabelMetrics.__module__,
                    )
                ],
                per_slice_thresholds={name: _overall(threshold) for name, threshold in thresholds.items()},
            )
        ],
        # Batch sizes and the like are TFMA's own; only figures of `MultiLabelMetrics` are wanted.
        options=config_pb2.Options(include_default_metrics=wrappers_pb2.BoolValue(value=False)),
    )


def _value_threshold(**bounds: float) -> config_pb2.MetricThreshold:
    values = {name: wrappers_pb2.DoubleValue(value=bound) for name, bound in bounds.items()}
    return config_pb2.MetricThreshold(value_threshold=config_pb2.GenericValueThreshold(**values))


def _overall(threshold: config_pb2.MetricThreshold) -> config_pb2.PerSliceMetricThresholds:
    per_slice = config_pb2.PerSliceMetricThreshold(slicing_specs=[config_pb2.SlicingSpec()], threshold=threshold)
    return config_pb2.PerSliceMetricThresholds(thresholds=[per_slice])
