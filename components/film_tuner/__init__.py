"""TFX's Tuner with the class weights that LabelBalance worked out."""
