"""The demo's web application: the page, ready-made films, and answers that it gets from the model server."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
from aiohttp import web

from serving.client import AsyncGenreClient, Film
from serving.demo.models import DemoModel

MAX_POSTER_BYTES = 32 << 20
MAX_OVERVIEW_BYTES = 1 << 20
MAGIC = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}
PAGE = Path(__file__).parent / "page"
FILES = {
    "/": ("index.html", "text/html"),
    "/style.css": ("style.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
LOCAL = ("localhost", "127.0.0.1", "::1")
HEADERS = {
    # The browser itself holds the page to needing nothing but this server.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: 422,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 503,
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, kw_only=True)
class DemoFilm:
    """A film to click.

    Attributes:
        id: unlike any other's.
        genres: those that the data give it.
        overview: may be empty.
        poster: the bytes of a JPEG or PNG file; may be empty.
    """

    id: str
    genres: tuple[str, ...]
    overview: str
    poster: bytes


def make_app(client: AsyncGenreClient, models: Sequence[DemoModel], films: Sequence[DemoFilm]) -> web.Application:
    """The application.

    GET  /api/models            {"max_poster_bytes": n, "models": [{"name", "inputs"}]}
    GET  /api/films             {"films": [{"id", "genres", "overview", "poster": URL or null}]}
    GET  /api/posters/ID        the poster's bytes
    POST /api/predict/MODEL     a form with `poster` (file), `overview` (text) or both
                                {"version": n, "genres": [{"name", "score", "threshold" or null, "predicted"}]}

    The genres come by falling score. Whatever goes wrong is answered {"error": words} with a status of 400 or more;
    403 where a page of another site asks.

    Args:
        client: asks the model server; closed by whoever made it.
        models: those that the page shows, in its order.
        films: those that it offers.
    """
    demo = _Demo(client, models, films)
    app = web.Application(
        client_max_size=MAX_POSTER_BYTES + MAX_OVERVIEW_BYTES, middlewares=[_with_headers, _from_here]
    )
    for route in FILES:
        app.router.add_get(route, _file)
    app.router.add_get("/api/models", demo.models)
    app.router.add_get("/api/films", demo.films)
    app.router.add_get("/api/posters/{id}", demo.poster)
    app.router.add_post("/api/predict/{model}", demo.predict)
    return app


class _Refusal(Exception):
    """What the page is to say, and the status that goes with it."""

    def __init__(self, status: int, words: str):
        super().__init__(words)
        self.status = status


class _Demo:
    def __init__(self, client: AsyncGenreClient, models: Sequence[DemoModel], films: Sequence[DemoFilm]):
        self._client = client
        self._models = {model.name: model for model in models}
        self._films = {film.id: film for film in films}

    async def models(self, _: web.Request) -> web.Response:
        models = [{"name": model.name, "inputs": model.inputs} for model in self._models.values()]
        return _json({"max_poster_bytes": MAX_POSTER_BYTES, "models": models})

    async def films(self, _: web.Request) -> web.Response:
        return _json({"films": [_as_dict(film) for film in self._films.values()]})

    async def poster(self, request: web.Request) -> web.Response:
        film = self._films.get(request.match_info["id"])
        if film is None or not film.poster:
            raise _Refusal(404, "There is no such poster.")
        return web.Response(body=film.poster, content_type=_kind(film.poster) or "application/octet-stream")

    async def predict(self, request: web.Request) -> web.Response:
        model = self._models.get(request.match_info["model"])
        if model is None:
            raise _Refusal(404, f"There is no model {request.match_info['model']}.")
        film = await _film_of(request)
        if not any(getattr(film, name) for name in model.inputs):
            raise _Refusal(400, f"{model.name} needs {' or '.join(model.inputs)}.")
        if film.poster and "poster" in model.inputs and _kind(film.poster) is None:
            raise _Refusal(422, "The poster is neither a JPEG nor a PNG file.")
        try:
            [prediction] = await self._client.predict([film], model.name)
        except grpc.RpcError as error:
            raise _Refusal(STATUS.get(error.code(), 502), _words(model, error)) from error
        thresholds = model.thresholds(prediction.version, film)
        genres = [
            {
                "name": name,
                "score": score,
                "threshold": thresholds.get(name),
                "predicted": name in prediction.genres,
            }
            for name, score in prediction.scores.items()
        ]
        return _json({"version": prediction.version, "genres": genres})


@web.middleware
async def _with_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        response = await handler(request)
    except _Refusal as refusal:
        response = _json({"error": str(refusal)}, refusal.status)
    except web.HTTPRequestEntityTooLarge:
        response = _json({"error": f"A poster may have up to {MAX_POSTER_BYTES >> 20} MB."}, 413)
    except web.HTTPException as error:
        response = _json({"error": f"{error.reason}."}, error.status)
    response.headers.update(HEADERS)
    return response


@web.middleware
async def _from_here(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses what pages of other sites send: by a name of theirs that leads here (DNS rebinding), or across sites."""
    # By the address that the browser connected to, or a name of this machine's own.
    address, port = request.transport.get_extra_info("sockname")[:2] if request.transport else ("", 0)
    names = {address, *LOCAL}
    name, named_port = _address(f"http://{request.host}")
    if name not in names or named_port != port:
        raise _Refusal(403, f"This page is at http://localhost:{port}/ only.")
    if request.method == "POST" and "Origin" in request.headers and _address(request.headers["Origin"])[0] not in names:
        raise _Refusal(403, "A page of another site may not ask.")
    return await handler(request)


def _address(url: str) -> tuple[str | None, int | None]:
    """Host and port; None where it has none."""
    try:
        parts = urlsplit(url)
        return parts.hostname, parts.port or (80 if parts.scheme == "http" else None)
    except ValueError:  # brackets that do not close, a port that is no number
        return None, None


async def _file(request: web.Request) -> web.Response:
    name, kind = FILES[request.path]
    return web.Response(body=(PAGE / name).read_bytes(), content_type=kind, charset="utf-8")


async def _film_of(request: web.Request) -> Film:
    try:
        form = await request.post()
    except ValueError as error:  # a broken form, or text that is not UTF-8
        raise _Refusal(400, "The form cannot be read.") from error
    poster, overview = form.get("poster"), form.get("overview", "")
    if not isinstance(poster, (web.FileField, type(None))) or not isinstance(overview, str):
        raise _Refusal(400, "`poster` is a file and `overview` is text.")
    return Film(poster=poster.file.read() if poster else b"", overview=overview.strip())


def _words(model: DemoModel, error: grpc.RpcError) -> str:
    details = error.details() or ""
    words = {
        grpc.StatusCode.INVALID_ARGUMENT: f"{model.name} cannot use this film: {details}",
        grpc.StatusCode.NOT_FOUND: f"The model server does not serve {model.name}.",
        grpc.StatusCode.UNAVAILABLE: "The model server does not answer. Is it running?",
        grpc.StatusCode.DEADLINE_EXCEEDED: "The model server takes too long to answer.",
    }
    return words.get(error.code(), f"The model server failed: {details}")


def _kind(poster: bytes) -> str | None:
    """The content type of a file that a model can read."""
    return next((kind for magic, kind in MAGIC.items() if poster.startswith(magic)), None)


def _as_dict(film: DemoFilm) -> dict[str, Any]:
    poster = f"/api/posters/{film.id}" if film.poster else None
    return {"id": film.id, "genres": film.genres, "overview": film.overview, "poster": poster}


def _json(content: Any, status: int = 200) -> web.Response:
    return web.Response(text=json.dumps(content, ensure_ascii=False), status=status, content_type="application/json")
