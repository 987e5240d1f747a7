"""A model server that speaks TensorFlow Serving's protocols: `python -m serving.server`."""
