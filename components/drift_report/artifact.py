"""The artifact of a drift report."""

from tfx import types

REPORT_FILE = "drift.json"
ANOMALIES_FILE = "anomalies.pb"  # TFDV's, as ExampleValidator writes them


class DriftReport(types.Artifact):
    """Holds `drift.json`, described in `components.drift_report.executor`, and TFDV's `anomalies.pb`."""

    TYPE_NAME = "DriftReport"
