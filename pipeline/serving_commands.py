"""Commands around a model server: start one, ask one. Heavy imports stay inside."""

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from components.atomic_pusher import models_config
from components.film_example_gen.films import is_text
from pipeline import endpoint as endpoints
from pipeline.options import folder_options
from pipeline.paths import ROOT, Paths
from transform.errors import MarqueeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.catalogue import Answers, Entry
    from serving.client import Film, GenreClient, Prediction

NAMES_MODELS = {"--model_base_path", "--model_config_file", "--version"}  # flags that ask for nothing that was pushed
POLL_SECONDS = 2  # between looks at the models config
SHOWN = 10  # genres of a table
BATCH_BYTES = 16 << 20  # of a request of --csv, a quarter of what a server takes


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []},
    add_help_option=False,
)
@folder_options
@click.pass_context
def serve(context: click.Context, paths: Paths) -> None:
    """Starts a model server with tensorflow_model_server's flags; marquee serve --help lists them.

    Without a flag that names models, serves all that have been pushed, and follows what is pushed or promoted.
    """
    flags = list(context.args)
    if "--help" in flags or "-h" in flags:
        click.echo("Without --model_base_path and --model_config_file, it serves what has been pushed to --work DIR.\n")
    elif not any(flag.partition("=")[0] in NAMES_MODELS for flag in flags):
        config = paths.serving / models_config.FILE_NAME
        if not config.is_file():
            raise MarqueeError(
                f"{paths.serving}: no model has been pushed to it. `marquee run` pushes those that are blessed."
            )
        # Before what was given: the last of two counts.
        flags = [f"--model_config_file={config}", f"--model_config_file_poll_wait_seconds={POLL_SECONDS}", *flags]
    env = {"TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONWARNINGS": "ignore", **os.environ}
    command = [sys.executable, "-m", "serving.server", *flags]
    root = str(ROOT)
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [root, env.get("PYTHONPATH")]))
    os.execve(command[0], command, env)


@click.command()
@click.option("--poster", metavar="FILE", type=click.Path(path_type=Path), help="A JPEG or PNG.")
@click.option("--overview", metavar="TEXT", help="What the film is about.")
@click.option("--csv", "table", metavar="FILE", type=click.Path(path_type=Path), help="Films: columns Id and Overview.")
@click.option("--images", metavar="DIR", type=click.Path(path_type=Path), help="Their posters, <Id>.jpg.")
@click.option("--out", metavar="FILE", type=click.Path(path_type=Path), help="Where the predictions of --csv go.")
@click.option("--model", metavar="NAME", help="[default: fusion, lstm or cnn, by what is given]")
@click.option(
    "--endpoint", metavar="HOST:PORT", default="localhost:8500", show_default=True, help="Of the gRPC server."
)
@endpoints.ca_option
@click.option("--batch-size", default=32, show_default=True, help="Films of a request of --csv.")
@click.option("--timeout", default=30.0, show_default=True, help="Seconds for a request, all attempts together.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def predict(
    poster: Path | None,
    overview: str | None,
    table: Path | None,
    images: Path | None,
    out: Path | None,
    model: str | None,
    endpoint: str,
    ca: Path | None,
    batch_size: int,
    timeout: float,
    as_json: bool,
) -> None:
    """Asks a model server for the genres of a film, or of all films in a CSV file.

    Where it is stopped half way through a CSV file, the answers until then are in FILE.part, beside --out.
    """
    for name, text in (("--overview", overview), ("--model", model), ("--endpoint", endpoint)):
        if text is not None and not is_text(text):
            raise MarqueeError(f"{name}: the text is not UTF-8.")
    one = poster is not None or overview is not None
    if one == (table is not None):
        raise click.UsageError("Give a film (--poster, --overview or both), or --csv with many.")
    if table is not None and out is None:
        raise click.UsageError("--csv needs --out.")
    has_posters, has_overviews = (poster or images) is not None, (overview or table) is not None
    model = model or ("fusion" if has_posters and has_overviews else "cnn" if has_posters else "lstm")
    import grpc

    from serving.client import Film, GenreClient

    client = GenreClient(endpoint, timeout=timeout, credentials=endpoints.credentials(ca))
    if table is not None and out is not None:
        _predict_table(table, images, out, model, endpoint, client, batch_size)
        return
    film = Film(poster=_read(poster) if poster else b"", overview=overview or "")
    with client:
        try:
            [prediction] = client.predict([film], model)
        except grpc.RpcError as error:
            raise _refused(endpoint, model, error) from error
    if as_json:
        click.echo(json.dumps(_as_dict(prediction), ensure_ascii=False, indent=1))
    else:
        _show(prediction)


def _predict_table(
    table: Path, images: Path | None, out: Path, model: str, endpoint: str, client: "GenreClient", batch_size: int
) -> None:
    from rich.progress import Progress

    from pipeline import catalogue
    from pipeline.progress import console

    entries = catalogue.entries(table, images)
    answers = catalogue.Answers(out)
    with _telling_what_is_kept(answers), client, answers, Progress(console=console) as progress:
        task = progress.add_task(f"{len(entries)} films", total=len(entries))
        for batch in catalogue.batches(entries, batch_size, BATCH_BYTES):
            answers.write(batch, _ask_batch(client, batch, model, endpoint))
            progress.advance(task, len(batch))
    click.echo(f"{out}: {answers.written} films, {answers.refused} of them without an answer")


@contextlib.contextmanager
def _telling_what_is_kept(answers: "Answers") -> "Iterator[None]":
    """Says where the answers are that an error, or Ctrl-C, leaves behind.

    Raises:
        MarqueeError: as the block does, with those words added.
    """
    try:
        yield
    except (MarqueeError, KeyboardInterrupt) as error:
        if not answers.written:
            raise
        kept = f"The answers for the {answers.written} films until then are in {answers.partial}"
        if isinstance(error, MarqueeError):
            raise MarqueeError(f"{str(error).rstrip('.')}. {kept}.") from error
        click.echo(f"{kept}.", err=True)
        raise


def _ask_batch(
    client: "GenreClient", entries: "Sequence[Entry]", model: str, endpoint: str
) -> "list[Prediction | str]":
    """A prediction for each, or why there is none; one bad film costs no other its answer."""
    answers: list[Prediction | str] = [entry.refusal for entry in entries]
    films: dict[int, Film] = {}
    for row, entry in enumerate(entries):
        if not entry.refusal:
            try:
                films[row] = entry.film()
            except MarqueeError as error:
                answers[row] = str(error)
    for row, answer in zip(films, _ask(client, list(films.values()), model, endpoint), strict=True):
        answers[row] = answer
    return answers


def _ask(client: "GenreClient", films: "Sequence[Film]", model: str, endpoint: str) -> "list[Prediction | str]":
    """A prediction for each film, or the server's words against it; where one is refused each is asked about alone.

    Raises:
        MarqueeError: the server cannot be asked at all.
    """
    import grpc

    if not films:
        return []
    try:
        return [*client.predict(films, model)]
    except grpc.RpcError as error:
        if not _is_of_films(error):
            raise _refused(endpoint, model, error) from error
        if len(films) == 1:
            return [error.details() or "refused"]
    return [answer for film in films for answer in _ask(client, [film], model, endpoint)]


def _is_of_films(error: Any) -> bool:
    """Whether what is asked about is refused: it is wrong, or the message is too large for that server."""
    import grpc

    from serving.client.retries import passes

    too_large = error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED and not passes(error)
    return too_large or error.code() is grpc.StatusCode.INVALID_ARGUMENT


def _refused(endpoint: str, model: str, error: Any) -> MarqueeError:
    return MarqueeError(f"{endpoint}, model {model}: {error.code().name}: {error.details()}")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise MarqueeError(f"{file}: cannot be read ({error.strerror}).") from error


def _as_dict(prediction: "Prediction") -> dict[str, Any]:
    return {
        "model": prediction.model,
        "version": prediction.version,
        "genres": list(prediction.genres),
        "scores": prediction.scores,
    }


def _show(prediction: "Prediction") -> None:
    from rich.table import Table
    from rich.text import Text

    from pipeline.progress import console

    title = Text(f"{prediction.model}, version {prediction.version}")
    table = Table("genre", title=title, title_justify="left", box=None)
    table.add_column("score", justify="right")
    table.add_column("")
    for genre, score in list(prediction.scores.items())[:SHOWN]:
        said = genre in prediction.genres
        table.add_row(Text(genre), f"{score:.2f}", "█" * round(20 * score), style="bold green" if said else None)
    console.print(table)
    console.print(Text(f"Genres: {', '.join(prediction.genres) or 'none that reaches its threshold'}"))
