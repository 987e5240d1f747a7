"""`marquee demo`: a page to try the models, and a model server beside it. Heavy imports stay inside."""

import asyncio
import itertools
import logging
import os
import signal
import threading
import warnings
import webbrowser
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from components.atomic_pusher import models_config
from pipeline import endpoint as endpoints
from pipeline.options import folder_options
from pipeline.paths import Paths
from pipeline.serving_commands import POLL_SECONDS
from transform import features
from transform.errors import MarqueeError

if TYPE_CHECKING:
    import grpc
    from aiohttp import web

    from serving.demo import DemoFilm, DemoModel

FILMS = 8  # ready-made ones
LOOKED_AT = 400  # films from which they are chosen
ATTEMPTS = 5  # to get an answer: somebody is looking at the page meanwhile
HOST, PORT = "127.0.0.1", 8502  # beside a model server's 8500 and 8501


@click.command()
@click.option("--port", default=PORT, show_default=True, help="Of the page; 0: any free one.")
@click.option("--endpoint", metavar="HOST:PORT", help="A gRPC model server.  [default: one of its own]")
@endpoints.ca_option
@click.option("--open/--no-open", "open_it", default=True, help="Open the page in the browser.  [default: yes]")
@folder_options
def demo(paths: Paths, port: int, endpoint: str | None, ca: Path | None, open_it: bool) -> None:
    """Opens a page to try the models: drop a poster, type an overview, see the genres."""
    if ca is not None and endpoint is None:
        raise click.UsageError("--ca is about the server at --endpoint; the demo's own speaks plain text.")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported
    warnings.simplefilter("ignore")
    credentials = endpoints.credentials(ca)
    models = _served(endpoint, credentials, paths.serving) if endpoint else _pushed(paths.serving)
    films = films_to_show(paths.artifacts)
    config = None if endpoint else paths.serving / models_config.FILE_NAME
    asyncio.run(_serve(endpoint, credentials, config, models, films, port, open_it))


def films_to_show(artifacts: Path) -> "list[DemoFilm]":
    """Films with poster and overview from the test split of the latest run, of as many genres as can be.

    No model was trained on them. Empty where no run has read films yet.
    """
    from pipeline.report.posters import spread
    from serving.demo import DemoFilm

    found = [folder for folder in artifacts.glob("FilmExampleGen/examples/*/Split-test") if any(folder.glob("*.gz"))]
    if not found:
        return []
    import tensorflow as tf

    latest = max(found, key=lambda folder: int(folder.parent.name))
    records = tf.data.TFRecordDataset(sorted(map(str, latest.glob("*.gz"))), compression_type="GZIP")
    films = []
    for record in itertools.islice(records.as_numpy_iterator(), LOOKED_AT):
        feature = tf.train.Example.FromString(record).features.feature
        posters, overviews, genres = (
            feature[name].bytes_list.value for name in (features.POSTER, features.OVERVIEW, features.GENRES)
        )
        if posters and overviews and genres:
            films.append(
                DemoFilm(
                    id=feature[features.ID].bytes_list.value[0].decode(),
                    genres=tuple(genre.decode() for genre in genres),
                    overview=overviews[0].decode(),
                    poster=posters[0],
                )
            )
    return [films[index] for index in spread([film.genres for film in films], FILMS)]


def _pushed(serving: Path) -> "list[DemoModel]":
    """The models that have been pushed.

    Raises:
        MarqueeError: there are none.
    """
    from serving.demo import DemoModel

    models = models_config.read(serving).model_config_list.config
    if not models:
        raise MarqueeError(f"{serving}: no model has been pushed to it. `make run` trains models and pushes them.")
    return [DemoModel(name=model.name, base_path=Path(model.base_path)) for model in models]


def _served(endpoint: str, credentials: "grpc.ChannelCredentials | None", serving: Path) -> "list[DemoModel]":
    """Those models that the server at `endpoint` has, of the names that have been pushed and of our own.

    Raises:
        MarqueeError: it has none, or does not answer.
    """
    import grpc
    from tensorflow_serving.apis import get_model_status_pb2, model_service_pb2_grpc

    from serving.client.messages import INPUTS
    from serving.demo import DemoModel

    pushed = {model.name: Path(model.base_path) for model in models_config.read(serving).model_config_list.config}
    names = list(dict.fromkeys([*pushed, *INPUTS]))
    models = []
    channel = grpc.secure_channel(endpoint, credentials) if credentials else grpc.insecure_channel(endpoint)
    with channel:
        stub = model_service_pb2_grpc.ModelServiceStub(channel)
        for name in names:
            request = get_model_status_pb2.GetModelStatusRequest()
            request.model_spec.name = name
            try:
                versions = stub.GetModelStatus(request, timeout=10).model_version_status
            except grpc.RpcError as error:
                if error.code() is grpc.StatusCode.NOT_FOUND:
                    continue
                raise MarqueeError(f"{endpoint}: {error.code().name}: {error.details()}") from error
            # A model that was taken away is still told of.
            if any(version.state == get_model_status_pb2.ModelVersionStatus.AVAILABLE for version in versions):
                models.append(DemoModel(name=name, base_path=pushed.get(name)))
    if not models:
        raise MarqueeError(f"{endpoint}: serves none of the models {', '.join(names)}.")
    return models


async def _serve(
    endpoint: str | None,
    credentials: "grpc.ChannelCredentials | None",
    config: Path | None,
    models: "Sequence[DemoModel]",
    films: "Sequence[DemoFilm]",
    port: int,
    open_it: bool,
) -> None:
    """Shows the page until SIGTERM or SIGINT; starts a model server on `config` where there is no endpoint."""
    from serving.client import AsyncGenreClient, Retries
    from serving.demo import make_app

    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    async with AsyncExitStack() as ends:
        endpoint = endpoint or await _start_model_server(str(config), ending, ends)
        if endpoint is None:
            return
        client = AsyncGenreClient(endpoint, credentials=credentials, retries=Retries(attempts=ATTEMPTS))
        await ends.enter_async_context(client)
        url = await _listen(make_app(client, models, films), port, ends)
        click.echo(f"{url} shows {', '.join(model.name for model in models)}. Ctrl-C ends it.")
        if open_it:
            # A browser in the terminal would not come back.
            threading.Thread(target=webbrowser.open, args=[url], daemon=True).start()
        await ending.wait()


async def _start_model_server(config: str, ending: asyncio.Event, ends: AsyncExitStack) -> str | None:
    """Its gRPC endpoint, None where `ending` comes before its models are loaded; `ends` stops it."""
    from serving.server.errors import ServingError
    from serving.server.flags import Flags
    from serving.server.main import started

    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it deprecates how exported models are loaded
    flags = Flags(port=0, model_config_file=config, model_config_file_poll_wait_seconds=POLL_SECONDS)
    try:
        server = await started(flags, ending)
    except ServingError as error:
        raise MarqueeError(error.message) from error
    if server is None:
        return None
    ends.push_async_callback(server.stop, 1.0)
    return f"{flags.host}:{server.port}"


async def _listen(app: "web.Application", port: int, ends: AsyncExitStack) -> str:
    """The page's URL; `ends` closes the port."""
    from aiohttp import web

    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    ends.push_async_callback(runner.cleanup)
    try:
        await web.TCPSite(runner, HOST, port).start()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MarqueeError(f"{HOST}:{port}: cannot be listened on ({reason}). Choose another --port.") from error
    return f"http://{HOST}:{runner.addresses[0][1]}/"
