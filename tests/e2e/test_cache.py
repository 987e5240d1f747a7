"""The whole DAG, twice, then with one poster changed: what is executed again and what is not."""

import json
import re
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from pipeline import commit, lineage, sample
from tests.e2e.runs import Pipeline

pytestmark = pytest.mark.slow

MODELS = ("cnn", "lstm", "fusion")
SHARED = [
    "FilmExampleGen",
    "StatisticsGen",
    "SchemaGen",
    "ExampleValidator",
    "PreviousSpan",
    "DriftReport",
    "DriftGate",
]
SHARED += ["LabelBalance", "Transform"]
OF_MODEL = ("Trainer", "LatestBlessed", "Evaluator", "ServingCheck", "Pusher")
NODES = SHARED + [f"{step}.{name}" for name in MODELS for step in OF_MODEL]
RESOLVERS = ("PreviousSpan", "LatestBlessed")  # have nothing to cache
NODES.append("ComparisonReport")
CACHE, RESOLVED = "cache: same inputs and settings", "ran: looks anew in every run"  # as pipeline.reasons says it
EXECUTED = [node for node in NODES if not node.startswith(RESOLVERS)]


def reasons(console: str) -> list[tuple[str, str]]:
    """Components and why each ran or did not, as a run's console says it: "✓    3.1 s  Transform  cache: ..."."""
    return re.findall(r"\d s  (\S+)  (.+)$", console, re.MULTILINE)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory) -> Pipeline:
    folder = tmp_path_factory.mktemp("cache")
    sample.draw(folder / "films", films=150, seed=3)
    return Pipeline(folder / "work", folder / "films", **{"data.span": 1})


def test_first_run_executes_everything(pipeline):
    done = pipeline.run()

    assert done.returncode == 0, done.stdout + done.stderr
    assert pipeline.states() == dict.fromkeys(NODES, "ran")
    for part in ("films", "micro-F1", "always ", "Report:"):
        assert part in done.stdout
    page = Path(done.stdout.split("Report:")[1].strip())
    run = json.loads((page.parent / "run.json").read_text())
    assert run["ingest"]["films"] == sum(run["ingest"]["splits"].values()) >= 150
    assert run["rejects"]
    for name, model in run["models"].items():
        summary = model["evaluation"]
        versions = [version.name for version in (pipeline.paths.serving / name).glob("*")]
        assert len(versions) == (1 if summary["blessed"] else 0)
        assert summary["reasons"]
    assert "http" not in page.read_text().split("</script>")[-1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_its_report_is_whole_in_a_browser(pipeline, page, scheme):
    folder = max(pipeline.paths.reports.iterdir())
    shown = json.loads((folder / "run.json").read_text())["comparison"]["shown"]
    page.emulate_media(color_scheme=scheme)
    page.goto((folder / "index.html").as_uri())

    assert page.locator(".shown > li").count() == len(shown) > 5
    assert page.locator(".shown .heat img").count() == sum(len(film["heat"]) for film in shown) > 0
    table = page.locator("#comparison table").first.inner_text()
    assert all(name in table for name in MODELS)
    assert page.locator("#figure-per-genre .points path").count() > 0
    for name in MODELS:
        page.goto((folder / f"card-{name}.html").as_uri())
        assert name in page.locator("h1").inner_text()


def test_second_run_executes_nothing(pipeline):
    before = pipeline.executions()
    done = pipeline.run()

    assert done.returncode == 0, done.stdout + done.stderr
    assert {node: state for node, state in pipeline.states().items() if node in EXECUTED} == dict.fromkeys(
        EXECUTED, "cached"
    )
    again = pipeline.executions() - before
    assert [node for node in again if node in EXECUTED] == []
    why = {node: RESOLVED if node.startswith(RESOLVERS) else CACHE for node in NODES}
    assert sorted(reasons(done.stdout)) == sorted(why.items())


def test_one_changed_poster_runs_everything_that_depends_on_it(pipeline):
    poster = sorted((pipeline.paths.data / "span-1" / "Images").glob("*.jpg"))[10]
    with Image.open(poster) as image:
        changed = ImageOps.invert(image.convert("RGB"))
    changed.save(poster)

    done = pipeline.run()

    assert done.returncode == 0, done.stdout + done.stderr
    states = pipeline.states()
    assert [node for node in EXECUTED if states[node] == "cached" and node != "SchemaGen"] == []


def test_one_changed_setting_runs_that_model_alone(pipeline):
    changed = Pipeline(pipeline.paths.work, pipeline.paths.data, **{"data.span": 1, "lstm.seed": 8})
    done = changed.run()

    assert done.returncode == 0, done.stdout + done.stderr
    ran = {node for node, state in changed.states().items() if state == "ran" and node in EXECUTED}
    again = {f"{step}.{name}" for name in ("lstm", "fusion") for step in OF_MODEL if step not in RESOLVERS}
    assert ran == again | {"ComparisonReport"}
    why = dict(reasons(done.stdout))
    assert why["Trainer.lstm"] == "ran: settings changed (lstm.seed 7 -> 8)"
    assert why["Trainer.fusion"] == "ran: new parts from Trainer.lstm"
    assert why["Trainer.cnn"] == CACHE


def test_what_it_pushed_is_followed_back_to_films_settings_and_code(pipeline):
    """Asked of what TFX itself has written into ML Metadata; tests.pipeline.test_lineage has the odd cases."""
    run = json.loads((max(pipeline.paths.reports.iterdir()) / "run.json").read_text())
    found = {each.model: each for each in lineage.of(pipeline.paths)}
    assert set(found) == {name.name for name in pipeline.paths.serving.iterdir() if name.is_dir()}
    for name, pushed in found.items():
        assert Path(pushed.folder) == max(Path(pushed.folder).parent.glob("[0-9]*"))
        assert pushed.there
        [span] = pushed.spans
        assert (span.number, span.films) == (1, run["ingest"]["films"])
        assert Path(span.folder) == pipeline.paths.data
        own = {f"{step}.{name}" for step in ("Trainer", "Evaluator", "ServingCheck", "Pusher")}
        assert {"FilmExampleGen", "SchemaGen", "LabelBalance", "Transform"} | own <= {
            step.node for step in pushed.steps
        }
        assert f"trainer.{name}.run_fn" in pushed.code
        assert set(pushed.commits.values()) == {commit.of_checkout()} - {""}
    # What learnt with the other seed was pushed where it was blessed; else the one before is still served.
    seeds = {name: 8 if run["models"][name]["evaluation"]["blessed"] else 7 for name in ("lstm", "fusion")}
    assert {name: found[name].settings()["lstm"]["seed"] for name in seeds} == seeds
    assert {each.name for each in found["fusion"].relatives if each.role == "made of"} == {"cnn", "lstm"}
