"""The report's page in a browser: what is drawn, in light and dark, on a desk and on a phone."""

import itertools
from pathlib import Path

import pytest
from playwright.sync_api import expect

from pipeline import report
from tests import reports
from tests.browser import watched

FIGURES = {
    "genres",
    "splits",
    "cooccurrence",
    "overview-words",
    "drift",
    "per-genre",
    "curves-loss",
    "curves-cross_entropy",
    "curves-precision",
    "curves-recall",
    "curves-f1",
    "precision-recall",
    "calibration",
    "race",
    "confusion-cnn",
    "confusion-lstm",
}
PAPER = {"light": "rgb(248, 248, 246)", "dark": "rgb(18, 19, 23)"}
INK = {"light": "rgb(29, 33, 41)", "dark": "rgb(232, 234, 238)"}
PHONE = {"width": 390, "height": 844}
# All text that is shown: its size in pixels, and its contrast with what is behind it (WCAG 2.2).
TEXTS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgb = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (colour) => {
    const [r, g, b] = rgb(colour).slice(0, 3).map((v) => v / 255)
      .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (rgb(colour)[3] === 255) return colour;
    }
    return "white";
  };
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement, text = walker.currentNode.textContent.trim();
    if (!text || element.closest("script") || !element.checkVisibility({opacityProperty: true})) continue;
    const style = getComputedStyle(element);
    const colours = [element instanceof SVGElement ? style.fill : style.color, behind(element)];
    const [dark, light] = colours.map(luminance).sort((a, b) => a - b);
    const matrix = element.getScreenCTM?.(), scale = matrix ? Math.hypot(matrix.a, matrix.b) : 1;
    texts.push({text, size: scale * parseFloat(style.fontSize), contrast: (light + 0.05) / (dark + 0.05)});
  }
  return texts;
}"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> str:
    """URL of the page of a run with everything in it."""
    return written(reports.finished(skew=reports.skew()), tmp_path_factory.mktemp("whole"))


def written(run, folder: Path) -> str:
    return report.write(run, folder).as_uri()


def marks(page, figure: str, selector: str) -> int:
    return page.locator(f"#figure-{figure} {selector}").count()


def data(page, figure: str) -> list:
    return page.evaluate(f"document.querySelector('#figure-{figure} .chart').data")


def layout_of(figure: str) -> str:
    """JavaScript for the layout that Plotly made."""
    return f"document.querySelector('#figure-{figure} .chart')._fullLayout"


def opened_details(page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")


def test_every_figure_is_drawn_with_what_the_json_says(page, whole):
    page.goto(whole)
    assert {figure.get_attribute("id") for figure in page.locator("figure").all()} == {f"figure-{f}" for f in FIGURES}

    assert marks(page, "genres", ".bars .point path") == len(reports.GENRES)
    labels = page.locator("#figure-genres .bars text").all_text_contents()
    assert sorted(labels) == sorted(["40", "30", "6, rare", "1, left out"])
    names = page.locator("#figure-genres .ytick text").all_text_contents()
    assert set(names) == {"Drama", "Comedy", "<War> & Peace", "2001"}

    assert marks(page, "splits", ".points path") == len(reports.GENRES) * len(reports.SPLITS)
    assert data(page, "splits")[0]["x"] == [30 / 50, 22 / 50, 5 / 50, 0]

    assert marks(page, "cooccurrence", ".heatmaplayer image") == 1
    [heat] = data(page, "cooccurrence")
    assert heat["z"][0][0] is None
    assert heat["z"][0][1] == pytest.approx(0.1375, abs=1e-4)  # log2(20 * 66 / (40 * 30))
    assert heat["z"][2][3] is None  # too rare to say
    assert "20 films, lift 1.10" in heat["hovertext"][0][1]

    assert marks(page, "overview-words", ".bars .point path") == len(reports.HISTOGRAM)
    assert data(page, "overview-words")[0]["y"] == [20, 25, 4]

    assert marks(page, "drift", ".points path") == 2 * len(reports.drift()["genres"])
    assert data(page, "drift")[2]["x"] == [0.3, 0, 0.45]

    assert marks(page, "per-genre", ".points path") == 3 * 3  # two models and a yardstick
    assert data(page, "per-genre")[2]["x"] == [0.5, 0.5, 0.5]
    assert data(page, "per-genre")[0]["x"] == [0.75, 0.5, 0]
    assert marks(page, "curves-loss", ".scatterlayer path.js-line") == 4
    assert data(page, "curves-loss")[1]["y"] == [0.6, 0.5, 0.55]
    assert [data(page, f"curves-{metric}")[1]["y"][-1] for metric in ("precision", "recall", "f1")] == [0.5, 0.625, 0.5]
    assert data(page, "curves-cross_entropy")[1]["y"] == [0.7, 0.5, 0.6]

    assert marks(page, "precision-recall", ".scatterlayer path.js-line") == 3
    assert [line["line"]["dash"] for line in data(page, "precision-recall")] == ["solid", "solid", "dot"]
    assert data(page, "calibration")[1]["y"] == [0.5]
    assert marks(page, "race", ".bars .point path") == 4
    assert [bars["x"] for bars in data(page, "race")] == [[2 / 4, 3 / 4], [4 / 16, 14 / 16]]
    assert data(page, "confusion-cnn")[0]["z"][0] == [4 / 5, 1 / 5, 0]
    assert "missed and Comedy said: 1 films" in data(page, "confusion-cnn")[0]["hovertext"][0][1]

    images = page.locator(".posters img").all()
    assert len(images) == 3
    for image in images:
        image.scroll_into_view_if_needed()
        assert image.evaluate("async (image) => { await image.decode(); return image.naturalWidth; }") == 60


def test_films_are_shown_with_what_each_model_said_and_looked_at(page, whole):
    page.goto(whole)
    first, second = page.locator(".shown > li").all()
    assert "Drama, <War> & Peace" in first.inner_text()
    rows = [row.inner_text() for row in first.locator("tbody tr").all()]
    assert "✓ Drama 0.90" in rows[0]
    assert "· Comedy 0.50" in rows[0]
    assert first.locator("img").count() == 2
    words = {word.inner_text(): word.get_attribute("class") for word in first.locator(".overview span[title]").all()}
    assert words == {"a": "", "war": "for-more seen", "hero": "against-more"}
    assert first.locator(".overview").first.inner_text() == "A <b>war</b> hero"
    assert "no genre" in second.inner_text()
    assert "A <b>war</b> hero" in second.inner_text()
    table = page.locator("#comparison table").first.inner_text()
    assert "bag (yardstick)" in table
    assert "0.438–0.562" in table
    assert "cnn 0.250 on test, 0.062 before and 0.031 after" in page.locator("#comparison").inner_text()
    assert page.locator("#comparison details").first.inner_text().count("tt9") == 1


def test_dark_is_dark_and_follows_the_system(page, whole):
    colours = """() => ({
        paper: getComputedStyle(document.body).backgroundColor,
        font: document.querySelector("#figure-genres .chart")._fullLayout.font.color,
        tick: getComputedStyle(document.querySelector("#figure-genres .ytick text")).fill,
        bar: getComputedStyle(document.querySelector("#figure-genres .bars .point path")).fill,
    })"""
    page.emulate_media(color_scheme="light")
    page.goto(whole)
    light = page.evaluate(colours)
    page.emulate_media(color_scheme="dark")
    expect(page.locator("#figure-genres .ytick text").first).not_to_have_css("fill", light["tick"])
    dark = page.evaluate(colours)
    assert {"light": light["paper"], "dark": dark["paper"]} == PAPER
    assert all(light[key] != dark[key] for key in light)


def test_text_is_large_enough_and_stands_out(page, whole):
    page.set_viewport_size(PHONE)
    page.goto(whole)
    opened_details(page)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        expect(page.locator("#figure-genres .ytick text").first).to_have_css("fill", INK[scheme])
        texts = page.evaluate(TEXTS)
        assert len(texts) > 200
        assert [text for text in texts if text["size"] < 13.99] == []
        assert [text for text in texts if text["contrast"] < 4.5] == []


def test_a_card_can_be_read_on_a_phone_in_both_themes(page, whole):
    page.set_viewport_size(PHONE)
    page.goto(whole)
    page.get_by_role("link", name="model card").first.click()
    expect(page.locator("h1")).to_contain_text("Model card")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        expect(page.locator("body")).to_have_css("background-color", PAPER[scheme])
        texts = page.evaluate(TEXTS)
        assert len(texts) > 100
        assert [text for text in texts if text["size"] < 13.99] == []
        assert [text for text in texts if text["contrast"] < 4.5] == []


def test_a_phone_scrolls_down_only_and_charts_keep_their_size(page, whole):
    page.set_viewport_size(PHONE)
    page.goto(whole)
    opened_details(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    for figure in FIGURES:
        layout = page.evaluate(f"(({{_size, meta}}) => ({{..._size, ...meta}}))({layout_of(figure)})")
        assert layout["w"] > 150, figure
        assert layout["h"] == pytest.approx(layout["plot_height"], abs=2), figure


def test_structure_is_told_to_those_who_do_not_see_it(page, whole):
    page.goto(whole)
    levels = [
        int(level) for level in page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => h.tagName[1])")
    ]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    for figure in page.locator("figure").all():
        assert figure.get_attribute("role") == "img"
        assert len(figure.get_attribute("aria-label")) > 20
    for image in page.locator("img").all():
        assert image.get_attribute("alt").startswith(("Poster of tt", "Where cnn looked for"))
    for table in page.locator("table").all():
        assert table.locator("thead th[scope]").count() >= 2
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((element) => element.id)")
    assert len(ids) == len(set(ids))
    anchors = page.evaluate("[...document.querySelectorAll('nav a')].map((a) => a.getAttribute('href').slice(1))")
    assert set(anchors) <= set(ids)


def test_a_stopped_run(page, tmp_path):
    page.set_viewport_size(PHONE)
    page.goto(written(reports.stopped(), tmp_path))
    banner = page.locator(".outcome").first
    assert banner.locator("strong").inner_text() == "Stopped"
    assert banner.locator("p").inner_text() == "films.csv: <no> usable film.\nBring more."
    assert page.locator("figure").count() == 0
    absent = page.locator(".empty").all_inner_texts()
    assert "Nothing to show: FilmExampleGen failed in this run." in absent
    assert "Nothing to show: LabelBalance did not run in this run." in absent
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_run_without_a_baseline(page, tmp_path):
    page.goto(written(reports.finished(drift=reports.no_baseline()), tmp_path))
    assert page.locator("#drift").inner_text().startswith("Drift\nNo baseline")
    assert page.locator("#drift table").count() == 0
    assert page.locator("#figure-drift").count() == 0
    assert page.locator("nav").inner_text().count("no baseline") == 1


def test_one_genre_and_nothing_else(page, tmp_path):
    alone = reports.balance({"Drama": {"train": 50, "eval": 8, "test": 8}})
    page.goto(written(reports.finished(balance=alone, models={}, posters=[], anomalies=[]), tmp_path))
    assert marks(page, "genres", ".bars .point path") == 1
    assert marks(page, "splits", ".points path") == 3
    assert "the models learn 1\nlabel." in page.content()


def test_sixty_genres_with_long_names_on_a_phone(page, tmp_path):
    splits = {"train": 9, "eval": 1, "test": 1}
    names = [f"{number} {'a very long name of a genre ' * 4}" for number in range(60)]
    page.set_viewport_size(PHONE)
    page.goto(written(reports.finished(balance=reports.balance(dict.fromkeys(names, splits))), tmp_path))
    assert marks(page, "genres", ".bars .point path") == 60
    assert len(data(page, "cooccurrence")[0]["z"]) == 40
    assert "The 40 commonest are shown." in page.locator("#genres").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.evaluate(f"{layout_of('genres')}._size.w") > 100


def test_the_fixture_sees_errors_and_keeps_pages_off_the_network(browser, tmp_path):
    html = tmp_path / "bad.html"
    html.write_text(
        "<img src='https://example.com/a.png'><script>console.error('said'); throw new Error('thrown');</script>"
    )
    with watched(browser) as (page, problems):
        page.goto(html.as_uri())
        page.wait_for_load_state()
    assert "request: https://example.com/a.png" in problems
    assert "console: said" in problems
    assert any(problem.startswith("exception: thrown") for problem in problems)
