"""TFX's Trainer with the class weights that LabelBalance worked out."""
