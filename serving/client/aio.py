"""The client for asyncio."""

import asyncio
from collections.abc import Sequence

import grpc
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from . import messages
from .messages import Film, Prediction
from .retries import DEFAULT, Call, Retries, Server
from .sync import CHANNEL


class AsyncGenreClient:
    """GenreClient for asyncio: the same arguments and answers.

    async with AsyncGenreClient("localhost:8500") as client:
        [prediction] = await client.predict([Film(overview="A war hero comes home.")], "lstm")
    """

    def __init__(
        self,
        endpoint: str,
        *,
        timeout: float = 10.0,
        retries: Retries = DEFAULT,
        credentials: grpc.ChannelCredentials | None = None,
    ):
        """Makes the client, within a running loop; the arguments are GenreClient's."""
        self._timeout, self._retries, self._server = timeout, retries, Server()
        self._channel = (
            grpc.aio.insecure_channel(endpoint, CHANNEL)
            if credentials is None
            else grpc.aio.secure_channel(endpoint, credentials, CHANNEL)
        )
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    async def predict(
        self, films: Sequence[Film], model: str, version: int | None = None, label: str = ""
    ) -> list[Prediction]:
        """The model's genres for each film, in order.

        Raises:
            grpc.RpcError: the server refuses, or cannot be reached within the timeout.
        """
        return messages.predictions(await self._call(messages.request(films, model, version, label)))

    async def close(self) -> None:
        await self._channel.close()

    async def __aenter__(self) -> "AsyncGenreClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _call(self, request: predict_pb2.PredictRequest) -> predict_pb2.PredictResponse:
        call = Call(self._retries, self._timeout, self._server)
        while True:
            try:
                response = await self._stub.Predict(request, timeout=call.left)
            except grpc.RpcError as error:
                await asyncio.sleep(call.wait(error))
            else:
                call.succeeded()
                return response
