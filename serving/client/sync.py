"""The client for ordinary programs."""

import time
from collections.abc import Sequence

import grpc
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from . import messages
from .messages import Film, Prediction
from .retries import DEFAULT, Call, Retries, Server

CHANNEL = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # Connects anew each second at least: gRPC's own waits grow to two minutes, in which every attempt would fail.
    ("grpc.max_reconnect_backoff_ms", 1000),
)


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
            retries: of calls that fail in passing; until the timeout, or for a few seconds where there never was an
                answer from `endpoint`.
            credentials: for TLS; None for plain text.
        """
        self._timeout, self._retries, self._server = timeout, retries, Server()
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
        call = Call(self._retries, self._timeout, self._server)
        while True:
            try:
                response = self._stub.Predict(request, timeout=call.left)
            except grpc.RpcError as error:
                time.sleep(call.wait(error))
            else:
                call.succeeded()
                return response
