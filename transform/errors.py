"""The error that means: the input is wrong, not the program."""


class MarqueeError(Exception):
    """A mistake in data, settings or environment; the message says which file, row or key, and what to do.

    The runner prints the message alone, without a traceback, and exits with 2.
    """


class DriftStop(MarqueeError):
    """The data have drifted from the span before, and the settings say to stop at that."""
