"""The client for ordinary programs."""

import time
from collections.abc import Sequence

import grpc
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from . import messages
from .messages import Film, Prediction
from .retries import DEFAULT, Retries, passes

CHANNEL = (("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1))


class GenreClient:
    """Asks a model server, TensorFlow Serving or Marquee's own. One channel; may be used from many threads.

    with GenreClient("localhost:8500") as client:
        [prediction] = client.predict([Film(overview="A war hero comes home.")], "lstm")
    """

    def __init__(
        self,
        endpoint: str,
        *,
        timeout: float = 10.0,
        retries: Retries = DEFAULT,
        credentials: grpc.ChannelCredentials | None = None,
    ):
        """Makes the client; connects with the first request.

        Args:
            endpoint: host:port.
            timeout: seconds for a call, all its attempts together.
            retries: of calls that fail in passing.
            credentials: for TLS; None for plain text.
        """
        self._timeout, self._retries = timeout, retries
        self._channel = (
            grpc.insecure_channel(endpoint, CHANNEL)
            if credentials is None
            else grpc.secure_channel(endpoint, credentials, CHANNEL)
        )
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    def predict(
        self, films: Sequence[Film], model: str, version: int | None = None, label: str = ""
    ) -> list[Prediction]:
        """The model's genres for each film, in order.

        Raises:
            grpc.RpcError: the server refuses, or cannot be reached within the timeout.
        """
        return messages.predictions(self._call(messages.request(films, model, version, label)))

    def close(self) -> None:
        self._channel.close()

    def __enter__(self) -> "GenreClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, request: predict_pb2.PredictRequest) -> predict_pb2.PredictResponse:
        deadline = time.monotonic() + self._timeout
        waits = self._retries.waits(deadline)
        while True:
            try:
                return self._stub.Predict(request, timeout=deadline - time.monotonic())
            except grpc.RpcError as error:
                wait = next(waits, None) if passes(error) else None
                if wait is None:
                    raise
                time.sleep(wait)
