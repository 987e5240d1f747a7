"""The model to compare with: the last blessed one that isn't the candidate itself."""
