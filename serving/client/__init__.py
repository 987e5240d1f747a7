"""A client of served Marquee models. Needs grpcio and tensorflow-serving-api, and nothing else: copy it as it is."""

from serving.client.aio import AsyncGenreClient
from serving.client.messages import Film, Prediction
from serving.client.retries import Retries
from serving.client.sync import GenreClient

__all__ = ["AsyncGenreClient", "Film", "GenreClient", "Prediction", "Retries"]
