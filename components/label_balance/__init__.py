"""What the labels look like before any training: counts, imbalance, the label set to learn, and its weights."""
