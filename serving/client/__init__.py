"""A client of served Marquee models, to be copied as it is, under any name.

It needs tensorflow-serving-api, with the grpcio and numpy that come with it, and nothing else.
"""

from .aio import AsyncGenreClient
from .messages import Film, Prediction
from .retries import Retries
from .sync import GenreClient

__all__ = ["AsyncGenreClient", "Film", "GenreClient", "Prediction", "Retries"]
