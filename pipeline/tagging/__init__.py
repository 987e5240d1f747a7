"""Batch inference: a catalogue of films in, genres out, as a Beam job that goes on where it was killed."""
