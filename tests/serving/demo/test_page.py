"""The demo's page in a browser: by mouse, by keyboard, on a phone, and when things go wrong."""

import asyncio
import contextlib
import re
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser import watched
from tests.serving.demo import tiny

PHONE = {"width": 390, "height": 844}


@contextlib.contextmanager
def in_a_thread(base_paths, folder) -> Iterator[str]:
    """The URL of a demo whose loop runs in a thread: this one is Playwright's."""
    urls: list[str] = []
    ready, loop = threading.Event(), asyncio.new_event_loop()
    ending = asyncio.Event()

    async def show() -> None:
        try:
            async with tiny.shown(base_paths, folder) as url:
                urls.append(url)
                ready.set()
                await ending.wait()
        finally:
            ready.set()

    thread = threading.Thread(target=loop.run_until_complete, args=[show()], daemon=True)
    thread.start()
    ready.wait(300)
    assert urls, "the demo has not started"
    try:
        yield urls[0]
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join(300)
        loop.close()


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> Iterator[str]:
    base_paths = tiny.pushed(tmp_path_factory.mktemp("serving_model"))
    with in_a_thread(base_paths, tmp_path_factory.mktemp("demo")) as url:
        yield url


def panel(page: Page, model: str):
    return page.get_by_role("region", name=model)


def says(page: Page, model: str, *genres: str) -> None:
    """Waits for the genres that the model is to say, in their order."""
    expect(panel(page, model).locator("li.predicted .name")).to_have_text(genres)


def bar(page: Page, model: str, genre: str) -> tuple[float, float]:
    """Where a genre's bar ends and where its threshold is, as shares of the track."""
    row = panel(page, model).locator(f'li[data-genre="{genre}"]')
    page.evaluate("Promise.allSettled(document.getAnimations().map((animation) => animation.finished))")
    track, fill, tick = (row.locator(part).bounding_box() for part in (".track", ".fill", ".tick"))
    middle = tick["x"] + tick["width"] / 2
    return fill["width"] / track["width"], (middle - track["x"]) / track["width"]


def picture(brightness: int, name: str = "poster.jpg") -> dict:
    return {"name": name, "mimeType": "image/jpeg", "buffer": tiny.poster(brightness)}


def test_a_poster_is_given_and_the_bars_are_read(page, url):
    page.goto(url)
    expect(panel(page, "cnn")).to_contain_text("Give a poster.")
    page.get_by_label("Poster", exact=True).set_input_files(picture(204))
    says(page, "cnn", "Comedy")
    assert bar(page, "cnn", "Comedy") == pytest.approx((0.8, 0.4), abs=0.02)
    assert bar(page, "cnn", "Drama") == pytest.approx((0.3, 0.5), abs=0.02)
    expect(panel(page, "cnn").locator("li").first).to_have_text(
        re.compile(r"Comedy\s*0.80\s*, threshold 0.40, predicted")
    )
    expect(panel(page, "cnn")).to_contain_text("version 7")
    expect(page.get_by_role("status")).to_have_text("From the poster: Comedy.")
    expect(panel(page, "lstm")).to_contain_text("Type or paste an overview.")
    page.get_by_role("button", name="Remove poster").click()
    expect(panel(page, "cnn").locator("li")).to_have_count(0)
    expect(panel(page, "cnn")).to_contain_text("Give a poster.")


def test_bars_follow_what_is_typed(page, url):
    asked = []
    page.on("request", lambda request: request.method == "POST" and asked.append(request.url.rsplit("/", 1)[1]))
    page.goto(url)
    typed = "It was fun until the war"
    page.get_by_label("Overview", exact=True).press_sequentially(typed, delay=20)
    says(page, "lstm", "War", "Comedy", "Drama")
    assert set(asked) == {"lstm"}
    assert len(asked) <= len(typed) // 2  # not for every key
    page.get_by_label("Overview", exact=True).fill("Such fun")
    says(page, "lstm", "Comedy", "Drama")
    assert bar(page, "lstm", "War") == pytest.approx((0.1, 0.75), abs=0.02)


def test_what_is_given_before_the_models_are_known_is_asked(page, url):
    held = []
    page.route("**/api/models", lambda route: held.append(route))
    page.goto(url)
    page.get_by_label("Poster", exact=True).set_input_files(picture(204))
    page.get_by_label("Overview", exact=True).fill("war")
    expect(page.get_by_role("button", name="Remove poster")).to_be_visible()
    expect(page.locator("#panels")).to_be_empty()
    held.pop().continue_()
    says(page, "cnn", "Comedy")
    says(page, "lstm", "War", "Drama")


def test_an_answer_that_comes_late_is_dropped(page, url):
    held, failed = [], []
    page.on("requestfailed", lambda request: failed.append(request))
    page.route("**/api/predict/lstm", lambda route: route.continue_() if held else held.append(route))
    page.goto(url)
    page.get_by_label("Overview", exact=True).fill("war")
    expect(panel(page, "lstm")).to_have_attribute("aria-busy", "true")
    page.get_by_label("Overview", exact=True).fill("fun")
    says(page, "lstm", "Comedy", "Drama")
    assert failed == [held[0].request]


def test_a_ready_made_film_fills_both_and_its_text_stays_text(page, url):
    page.goto(url)
    war, comedy = page.locator("#films button").nth(0), page.locator("#films button").nth(1)
    war.click()
    says(page, "cnn", "War")
    says(page, "lstm", "War", "Drama")
    expect(page.get_by_label("Overview", exact=True)).to_have_value(tiny.FILMS[0].overview)
    expect(page.get_by_alt_text("The poster")).to_be_visible()
    expect(page.get_by_text("The data say: War")).to_be_visible()
    expect(war).to_have_attribute("aria-pressed", "true")
    comedy.click()
    expect(panel(page, "cnn")).to_contain_text("Give a poster.")
    says(page, "lstm", "Comedy", "Drama")
    expect(page.get_by_text("The data say: <b>Comedy</b>")).to_be_visible()
    page.get_by_label("Overview", exact=True).press_sequentially("!")
    expect(comedy).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_text("The data say")).to_have_count(0)


def test_by_keyboard_alone(page, url):
    with page.expect_file_chooser() as chooser:  # early, for it takes Chromium a moment to be ready for that
        page.goto(url)
        expect(page.locator("#films button")).to_have_count(2)
        page.keyboard.press("Tab")
        expect(page.get_by_label("Poster", exact=True)).to_be_focused()
        assert page.evaluate("getComputedStyle(document.querySelector('#drop')).outlineStyle") == "solid"
        page.keyboard.press("Enter")
    chooser.value.set_files(picture(204))
    says(page, "cnn", "Comedy")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Overview", exact=True)).to_be_focused()
    page.keyboard.type("A war.")
    says(page, "lstm", "War", "Drama")
    page.keyboard.press("Tab")
    expect(page.locator("#films button").first).to_be_focused()
    page.keyboard.press("Enter")
    says(page, "cnn", "War")
    for _ in ("overview", "clear", "poster", "remove"):
        page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name="Remove poster")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Poster", exact=True)).to_be_focused()
    expect(panel(page, "cnn")).to_contain_text("Give a poster.")


def transfer(page: Page, event: str, kind: str, target: str) -> None:
    """Lets a picture be dropped or pasted."""
    page.evaluate(
        """([event, kind, target, bytes]) => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(bytes)], "dropped.jpg", {type: "image/jpeg"}));
          const carrier = event === "paste" ? {clipboardData: data} : {dataTransfer: data};
          document.querySelector(target).dispatchEvent(
            new window[kind](event, {...carrier, bubbles: true, cancelable: true}));
        }""",
        [event, kind, target, list(tiny.poster(20 if event == "drop" else 204))],
    )


def test_posters_are_dropped_and_pasted(page, url):
    page.goto(url)
    expect(page.locator("#films button")).to_have_count(2)
    transfer(page, "drop", "DragEvent", "#drop")
    says(page, "cnn", "War")
    transfer(page, "paste", "ClipboardEvent", "#overview")
    says(page, "cnn", "Comedy")
    expect(page.get_by_label("Overview", exact=True)).to_have_value("")


def test_a_file_that_is_no_poster_is_refused_in_words(page, url, tmp_path):
    huge = tmp_path / "huge.jpg"
    with huge.open("wb") as file:
        file.truncate((32 << 20) + 1)
    page.goto(url)
    page.get_by_label("Poster", exact=True).set_input_files(picture(204))
    says(page, "cnn", "Comedy")
    error = page.locator("#poster-error")
    for file, words in (
        (
            {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"words"},
            "“notes.txt” is not a poster: it has to be a JPEG or PNG file.",
        ),
        (
            {"name": "fake.jpg", "mimeType": "image/jpeg", "buffer": b"words"},
            "“fake.jpg” cannot be read as a picture.",
        ),
        (huge, "“huge.jpg” has 33 MB; a poster may have up to 32."),
    ):
        page.get_by_label("Poster", exact=True).set_input_files(file)
        expect(error).to_have_text(words)
        expect(page.get_by_label("Poster", exact=True)).to_have_value("")  # so that it can be chosen again, mended
        says(page, "cnn", "Comedy")  # the poster before it stays
    page.get_by_label("Poster", exact=True).set_input_files(picture(20))
    expect(error).to_be_hidden()
    says(page, "cnn", "War")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_needs_no_sideways_scrolling(browser, url, scheme):
    with watched(browser) as (page, problems):
        page.set_viewport_size(PHONE)
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.goto(url)
        page.locator("#films button").first.click()
        says(page, "cnn", "War")
        says(page, "lstm", "War", "Drama")
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
        assert page.evaluate("document.getAnimations().length") == 0
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper == {"light": "rgb(248, 248, 246)", "dark": "rgb(18, 19, 23)"}[scheme]
    assert problems == []


def test_a_model_server_that_is_gone_is_said_and_can_be_asked_again(browser, url, tmp_path):
    with watched(browser) as (page, problems), in_a_thread({}, tmp_path) as lonely:
        page.goto(lonely)
        page.get_by_label("Overview", exact=True).fill("A war.")
        expect(panel(page, "lstm")).to_contain_text("The model server does not answer. Is it running?")
        expect(page.get_by_role("status")).to_contain_text("From the overview: The model server does not answer")
        page.route(
            "**/api/predict/lstm",
            lambda route: route.fulfill(response=route.fetch(url=f"{url}api/predict/lstm")),
        )
        panel(page, "lstm").get_by_role("button", name="Try again").click()
        says(page, "lstm", "War", "Drama")
        expect(panel(page, "lstm").get_by_role("button", name="Try again")).to_be_hidden()
    assert all("503" in problem for problem in problems)  # Chromium's own note of the answer


def test_all_genres_are_shown_when_asked_for(page, url):
    genres = [{"name": f"Genre {n}", "score": 1 - n / 20, "threshold": 0.9, "predicted": n < 3} for n in range(20)]
    page.route("**/api/predict/lstm", lambda route: route.fulfill(json={"version": 1, "genres": genres}))
    page.goto(url)
    page.get_by_label("Overview", exact=True).fill("Anything.")
    expect(panel(page, "lstm").locator("li")).to_have_count(10)
    page.get_by_role("button", name="All 20 genres").click()
    expect(panel(page, "lstm").locator("li")).to_have_count(20)
    expect(page.get_by_role("button", name="Fewer genres")).to_have_attribute("aria-expanded", "true")
    page.get_by_role("button", name="Fewer genres").click()
    expect(panel(page, "lstm").locator("li")).to_have_count(10)
