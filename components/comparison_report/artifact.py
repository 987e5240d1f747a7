"""The artifact of a comparison."""

from tfx import types

FILE_NAME = "comparison.json"


class ComparisonReport(types.Artifact):
    """Holds `comparison.json`, described in `components.comparison_report.executor`."""

    TYPE_NAME = "ComparisonReport"
