"""TFX's Transform on the label set that LabelBalance decided."""
