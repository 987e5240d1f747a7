"""Films in: a span's CSV or JSON and posters become tf.Examples, and rejects that are all accounted for."""
