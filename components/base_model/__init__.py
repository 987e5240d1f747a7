"""The model to start from: the last blessed one of an earlier span."""
