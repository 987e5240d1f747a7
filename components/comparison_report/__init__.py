"""The models of a run side by side, and beside simpler ones: on figures, on films, and on what they looked at."""
