"""Spans that no one would wish for: each has a decided end."""

import dataclasses

import pytest

from pipeline import environment
from tests.e2e.runs import Pipeline
from tests.films import fake_films, write_span

pytestmark = pytest.mark.slow

QUICK = {"cnn.epochs": 1, "lstm.epochs": 1}


def run(tmp_path, films, **overrides):
    write_span(tmp_path / "films", 1, films)
    pipeline = Pipeline(tmp_path / "work", tmp_path / "films", **QUICK, **overrides)
    return pipeline, pipeline.run()


def with_genre(films, genres):
    return [dataclasses.replace(film, genres=genres) for film in films]


def test_one_genre_is_trained_and_said_to_teach_nothing(tmp_path):
    pipeline, done = run(tmp_path, with_genre(fake_films(120), ("Drama",)), models="lstm")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Drama" in done.stdout.split("LabelBalance")[0]  # warned of while LabelBalance runs
    assert pipeline.states()["Evaluator.lstm"] == "ran"


def test_overviews_all_missing_train_the_posters_alone(tmp_path):
    films = [dataclasses.replace(film, overview="") for film in fake_films(120) if film.poster]
    pipeline, done = run(tmp_path, films, models="cnn")

    assert done.returncode == 0, done.stdout + done.stderr
    again = Pipeline(pipeline.paths.work, pipeline.paths.data, **QUICK, models="lstm").run()
    assert again.returncode == environment.MISTAKEN
    assert "No film of the train split has an overview" in again.stdout


def test_rare_genres_are_merged_where_asked(tmp_path):
    films = fake_films(150)
    films[:6] = with_genre(films[:6], ("Drama", "Silent"))
    films[6:12] = with_genre(films[6:12], ("Silent", "Short"))
    pipeline, done = run(
        tmp_path, films, models="lstm", **{"balance.on_rare": "merge", "balance.min_test": 0, "balance.min_train": 20}
    )

    assert done.returncode == 0, done.stdout + done.stderr
    [genres] = pipeline.paths.artifacts.glob("Transform/transform_graph/*/transform_fn/assets/genres")
    assert set(genres.read_text().split()) == {"Comedy", "Drama", "Horror", "Western", "Other"}
