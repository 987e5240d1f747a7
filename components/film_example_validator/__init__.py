"""Films against their schema: anomalies stop the run, or are logged."""
