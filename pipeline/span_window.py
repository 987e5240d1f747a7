"""Whether the spans of a window have been read, asked before a run begins: TFX would go on without them."""

from ml_metadata.metadata_store import MetadataStore

from components.film_example_gen.driver import spans_in
from components.span_window import window
from pipeline.metadata import connection_config
from pipeline.paths import Paths
from pipeline.settings import Settings


def require(settings: Settings, paths: Paths) -> None:
    """Refuses a window with a span in it that is there and has not been read, or not as it is now.

    A warning would not do: a model of fewer films than it was asked for looks like any other, is blessed and pushed.

    Raises:
        MarqueeError: naming the spans, and the commands that read them.
    """
    if settings.data.window == 1:
        return
    place = (str(paths.data), settings.data.pattern)
    there = spans_in(*place)
    span = there[-1] if settings.data.span is None else settings.data.span
    if span in there:  # else FilmExampleGen says so
        found = _ingested(settings.name, paths, place)
        window.earlier(found, place, span, settings.data.window, named_work(settings, paths))


def named_work(settings: Settings, paths: Paths) -> str:
    """The work folder that a command has to name; empty where it is the default one."""
    return "" if settings.work == Settings().work else str(paths.work)


def _ingested(pipeline: str, paths: Paths, place: tuple[str, ...]) -> dict[int, list[window.Ingested]]:
    if not paths.metadata.is_file():
        return {}
    store = MetadataStore(connection_config(paths.metadata))
    context = store.get_context_by_type_and_name("pipeline", pipeline)
    artifacts = store.get_artifacts_by_context(context.id) if context else []
    return window.ingested(store, [each for each in artifacts if each.type == window.EXAMPLES], place)
