"""marquee schema, stats and skew, as a user types them."""

import base64
import re

import pytest
from click.testing import CliRunner
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.film_schema_gen.schema import schema_of
from pipeline import cli, schema_changes
from tests.films import WORDS, fake_films
from tests.workfolder import CACHED, FAILED, WorkFolder, log_requests, statistics_of

FILMS = fake_films(60)
OLD = ("Comedy", "Drama")


@pytest.fixture(scope="module")
def spans(tmp_path_factory):
    """The statistics of two spans that have no genre in common."""
    folder = tmp_path_factory.mktemp("spans")
    old = [film for film in FILMS if set(film.genres) <= set(OLD)]
    new = [film for film in FILMS if not set(film.genres) & set(OLD)]
    assert len(old) > 5
    assert len(new) > 5
    return {1: statistics_of(old, folder), 2: statistics_of(new, folder)}


@pytest.fixture
def work(spans, tmp_path, monkeypatch):
    """Span 1 with a report, then span 2 without: its run was stopped."""
    monkeypatch.chdir(tmp_path)
    folder = WorkFolder(tmp_path / "work")
    folder.run(1, {"train": spans[1], "eval": spans[1], "test": spans[1]}, schema=schema_of(OLD))
    folder.run(2, {"train": spans[2]})
    return folder


@pytest.fixture
def schema_file(work, tmp_path):
    """A curated schema that fits span 1."""
    assert call("schema", "save").exit_code == 0
    file = tmp_path / "schema" / "schema.pbtxt"
    file.write_text("# Ours.\n" + file.read_text())
    return file


def call(*arguments, **options):
    return CliRunner().invoke(cli.main, arguments, **options)


def genres(file):
    return set(schema_changes.parse(file.read_text(), "x").string_domain[0].value)


def test_diff_names_each_new_genre_and_writes_nothing(schema_file):
    before = schema_file.read_bytes()
    done = call("schema", "diff")
    assert done.exit_code == 0
    assert "Span 2 would change schema/schema.pbtxt:" in done.output
    for genre in set(WORDS) - set(OLD):
        assert re.search(rf'  new genre "{genre}" in genres \(\d+ films\)', done.output)
        assert f'+  value: "{genre}"' in done.output
    for genre in OLD:
        assert f'new genre "{genre}"' not in done.output
    assert schema_file.read_bytes() == before
    assert [path.name for path in schema_file.parent.iterdir()] == ["schema.pbtxt"]


def test_diff_of_a_span_that_fits(schema_file):
    done = call("schema", "diff", "--span", "1")
    assert done.exit_code == 0
    assert done.output == "Nothing would change: the films of span 1 fit schema/schema.pbtxt.\n"


def test_accept_writes_on_a_yes_only(schema_file):
    before = schema_file.read_bytes()
    refused = call("schema", "accept", input="n\n")
    assert refused.exit_code == 0
    assert "Nothing written." in refused.output
    assert schema_file.read_bytes() == before
    unanswered = call("schema", "accept", input="")
    assert unanswered.exit_code == 1
    assert schema_file.read_bytes() == before

    done = call("schema", "accept", input="y\n")
    assert done.exit_code == 0
    assert 'new genre "Horror"' in done.output
    assert genres(schema_file) == set(WORDS)
    assert schema_file.read_text().startswith("# Ours.\n")
    assert [path.name for path in schema_file.parent.iterdir()] == ["schema.pbtxt"]
    assert "Nothing would change" in call("schema", "accept").output


def test_accept_yes_keeps_all_but_the_genres(schema_file):
    schema_file.chmod(0o640)
    before = schema_changes.parse(schema_file.read_text(), "x")
    assert call("schema", "accept", "--yes").exit_code == 0
    after = schema_changes.parse(schema_file.read_text(), "x")
    del before.string_domain[0].value[:], after.string_domain[0].value[:]
    assert after == before
    assert schema_file.stat().st_mode & 0o777 == 0o640


def test_refusals(work, tmp_path):
    done = call("schema", "diff")
    assert done.exit_code == 2
    assert done.output == ("marquee: schema/schema.pbtxt: no curated schema there yet: `marquee schema save` first.\n")
    assert call("schema", "save").exit_code == 0
    done = call("schema", "accept", "--yes", "--span", "7")
    assert done.exit_code == 2
    assert "no statistics of span 7. Spans that have some: 1, 2." in done.output
    (tmp_path / "schema" / "schema.pbtxt").write_text('feature {\n  nme: "genres"\n}\n')
    done = call("schema", "diff")
    assert done.exit_code == 2
    assert "schema/schema.pbtxt: not a schema: 2:3" in done.output


def test_a_run_whose_statistics_failed_does_not_count_and_a_cached_one_does(work, spans):
    work.run(3, {"train": spans[1]}, state=FAILED)
    assert "Statistics of span 2" in call("stats").output
    work.run(1, {"train": spans[1]}, state=CACHED)
    assert "Statistics of span 1" in call("stats").output


def test_a_work_folder_where_nothing_ran(tmp_path):
    empty = call("stats", "--work", str(tmp_path))
    assert empty.exit_code == 2
    assert "metadata.sqlite: no such file" in empty.output


def test_stats_prints_every_feature_of_every_split(work):
    lines = call("stats", "--span", "1").output.splitlines()
    for name in ("overview_words", "poster_luma", "genres", "overview"):
        splits = [line.split()[1] for line in lines if line.split()[:1] == [name]]
        assert splits == ["train", "eval", "test"]
    assert any("Drama" in line for line in lines)


def data_sets(page):
    [encoded] = re.findall(r'proto-input="([^"]*)"', page)
    return statistics_pb2.DatasetFeatureStatisticsList.FromString(base64.b64decode(encoded)).datasets


def test_the_facets_page_holds_all_splits_and_says_that_it_needs_the_network(work, spans):
    done = call("stats", "--html", "--span", "1")
    assert done.exit_code == 0
    [file] = work.paths.reports.glob("*/statistics.html")
    assert done.output.splitlines()[0] == str(file)
    page = file.read_text()
    shown = data_sets(page)
    assert [data.name for data in shown] == ["train", "eval", "test"]
    assert shown[0].features == spans[1].features
    hosts = set(re.findall(r'(?:src|href)="https://([^/"]*)', page))
    assert hosts == {"cdnjs.cloudflare.com", "raw.githubusercontent.com"}
    for host in hosts:
        assert host in done.output
        assert host in call("stats", "--help").output


def test_the_facets_page_of_two_spans(work, tmp_path):
    done = call("stats", "--html", "--against", "1", "--out", "two.html")
    assert done.exit_code == 0
    assert [data.name for data in data_sets((tmp_path / "two.html").read_text())] == ["span 2 train", "span 1 train"]
    nowhere = call("stats", "--html", "--out", "nowhere/two.html")
    assert nowhere.exit_code == 2
    assert "marquee: nowhere/two.html: cannot be written" in nowhere.output
    assert call("stats", "--out", "two.html").exit_code == 2


def test_skew_exits_with_3_names_it_and_leaves_it_in_the_report(spans, work, tmp_path):
    work.run(1, {"train": spans[1]}, schema=schema_of(OLD))
    films = [film for film in FILMS if set(film.genres) <= set(OLD)]
    same = call("skew", "--requests", str(log_requests(tmp_path / "same", films)))
    assert same.exit_code == 0, same.output
    gone = call("skew", "--requests", str(log_requests(tmp_path / "gone", [film.__class__(film.id) for film in films])))
    assert gone.exit_code == 3
    assert "poster" in gone.output
    report = gone.output.splitlines()[-1].removeprefix("Report: ")
    assert report == call("report").output.strip()
