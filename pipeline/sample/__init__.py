"""Made-up films: posters and overviews that need no licence, drawn by code from a seed.

Imports nothing beyond the standard library, numpy and Pillow, so that it starts at once.
"""

from pipeline.sample.writer import SampleReport, draw

__all__ = ["SampleReport", "draw"]
