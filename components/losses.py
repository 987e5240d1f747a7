"""What Beam's engines may lose without a word; whoever counts says it in these words."""

from transform.errors import MarqueeError


def lost(said: str) -> MarqueeError:
    """The error of who counted less than there was, as `said`, a sentence."""
    return MarqueeError(
        f"{said} That is a fault of Beam's engine: run again, with beam.engine=direct, beam.threads=1 and "
        "beam.workers=1 if it stays."
    )
