"""The films of several spans: those of this run, and those of the spans before it."""
