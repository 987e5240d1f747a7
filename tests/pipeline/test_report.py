"""The report's table, page and files, of runs made up by tests.reports."""

import copy
import io
import json

import pytest
from rich.console import Console

from pipeline import report
from pipeline.report import card, page, table, words
from pipeline.report.record import as_dict
from tests import reports
from transform.errors import MarqueeError


def printed(run) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(table.of(run))
    return console.file.getvalue()


def body(run) -> str:
    html = page.render(as_dict(run))
    return html[html.index("<body>") : html.index("<noscript>")]


def test_table():
    text = printed(reports.finished())
    for part in (
        "66",
        "train 50, eval 8, test 8",
        "bad id",
        "poster format (films kept without it: 2)",
        "always Drama, Comedy",
        "0.500",
        "0.375",
        "0.125",
    ):
        assert part in text
    assert "cnn: blessed: because of this. Pushed to /served/cnn/1" in text
    assert "lstm: not blessed: because of this. Not pushed." in text


def test_table_takes_no_genre_for_markup():
    run = copy.deepcopy(reports.finished())
    for model in run.models.values():
        model.evaluation["constant"]["genres"] = ["[/b]", "[red]Drama"]
    assert "always [/b], [red]Drama" in printed(run)


def test_table_of_a_run_that_was_stopped():
    assert printed(reports.stopped()).strip() == ""
    unevaluated = reports.Model(evaluation={}, history={}, training={}, pushed=None)
    text = printed(reports.finished(models={"cnn": unevaluated, "lstm": reports.model(blessed=False)}))
    assert "lstm: not blessed" in text
    assert "cnn" not in text


def test_page_escapes_what_the_data_says():
    text = body(reports.finished())
    assert "&lt;script&gt;" in text
    assert "../<script>" not in text
    assert "<War>" not in text
    assert "&lt;no&gt; usable film." in body(reports.stopped())


def test_page_says_what_the_json_says():
    text = body(reports.finished(skew=reports.skew()))
    for part in (
        "Every component ran",
        "because of this",
        "4 genres on 66 films; the models learn 3\nlabels.\nFilms left without a label: 1.",
        "Comedy with Drama (1.1 times, 20 films)",
        "0.123",  # divergence
        "not judged",
        "Drama 60.0\u00a0% -&gt; 30.0\u00a0%",
        "Serving skew",
        "1,200 logged requests against the train split of span 1",
        "All 50: 182 pixels.",
        "No film has one.",
        "Mean 11.2, standard deviation 3.5; 1 without.",
    ):
        assert part in text


def test_a_window_is_told_wherever_films_are_counted():
    window = [{"span": 1, "films": 1_200}, {"span": 2, "films": 66}]
    run = reports.finished(window=window)
    [fact] = [fact for fact in words.glance(as_dict(run)) if fact.name == "Films"]
    assert fact.note.endswith("trained on 1,266 of spans 1, 2")
    assert "span 1 with 1,200 films, span 2 with 66 films." in body(run)
    assert "a window of spans: span 1 with 1,200 films, span 2 with 66 films." in card.markdown(as_dict(run), "cnn")
    assert "trained on" not in body(reports.finished())


def test_glance_of_a_run_that_knows_nothing():
    facts = {fact.name: fact.value for fact in words.glance(as_dict(reports.stopped()))}
    assert set(facts.values()) == {"not known"}


def test_no_baseline_is_not_called_ok():
    run = as_dict(reports.finished(drift=reports.no_baseline()))
    [fact] = [fact for fact in words.glance(run) if fact.name == "Drift"]
    assert (fact.value, fact.tone) == ("no baseline", words.PLAIN)
    html = page.render(run)
    assert "<strong>No baseline</strong>" in html
    assert "No drift" not in html


def test_bound_pairs_are_frequent_and_oftener_than_by_chance():
    found = {
        "genres": ["A", "B", "C"],
        "films": [[50, 20, 9], [20, 40, 30], [9, 30, 60]],
        "lift": [[2.0, 1.5, 9.0], [1.5, 2.5, 0.9], [9.0, 0.9, 1.7]],
    }
    assert words.bound_pairs(found) == [{"one": "B", "other": "A", "films": 20, "lift": 1.5}]


def test_written_into_a_folder_of_the_run(tmp_path):
    html = report.write(reports.finished(), tmp_path)
    assert html == tmp_path / "2026-01-02T03-04-05" / "index.html"
    content = json.loads((html.parent / "run.json").read_text(encoding="utf-8"))
    assert content["outcome"] == {"state": "finished", "message": ""}
    assert content["skew"] is None


def test_rerender_adds_the_skew_that_lies_beside(tmp_path):
    html = report.write(reports.finished(), tmp_path)
    before = html.read_text(encoding="utf-8")
    assert 'id="skew"' not in before
    assert report.rerender(html.parent) == html
    assert html.read_text(encoding="utf-8") == before

    (html.parent / "skew.json").write_text(json.dumps(reports.skew()), encoding="utf-8")
    report.rerender(html.parent)
    assert 'id="skew"' in html.read_text(encoding="utf-8")
    assert json.loads((html.parent / "run.json").read_text(encoding="utf-8"))["skew"] == reports.skew()


def test_rerender_of_a_report_that_is_older_than_some_of_its_figures(tmp_path):
    html = report.write(reports.finished(), tmp_path)
    file = html.parent / "run.json"
    now = json.loads(file.read_text(encoding="utf-8"))
    before = copy.deepcopy(now)
    del before["rejected"], before["comparison"]["calibration_error"], before["comparison"]["confusion_shares"]
    for counted in before["comparison"]["race"].values():
        for model in counted["models"].values():
            del model["share"]
    file.write_text(json.dumps(before), encoding="utf-8")
    report.rerender(html.parent)
    assert json.loads(file.read_text(encoding="utf-8")) == now


def test_rerender_where_there_is_no_report(tmp_path):
    with pytest.raises(MarqueeError, match=r"run\.json: no such file"):
        report.rerender(tmp_path)
