"""Headless Chromium for tests of pages: the `page` fixture, which a conftest.py imports together with `browser`."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
LOCAL = ("localhost", "127.0.0.1", "::1")
REQUIRED = "MARQUEE_REQUIRE_BROWSER"  # where it is 1, a missing browser is a failure

expect.set_options(timeout=60_000)  # ms, for a machine that is slow


def find() -> str | None:
    """Path of the browser: $CHROMIUM, or else the first on the PATH."""
    return next(filter(None, map(shutil.which, [os.environ.get("CHROMIUM", ""), *NAMES])), None)


@contextlib.contextmanager
def watched(browser: Browser) -> Iterator[tuple[Page, list[str]]]:
    """A new page, and a list that fills with what it should not do.

    Those are errors in the console, uncaught exceptions, and requests to anything but files and this machine, which
    are not let through.
    """
    problems: list[str] = []

    def pass_or_block(route: Route) -> None:
        url = urlsplit(route.request.url)
        if url.scheme in ("file", "data", "blob") or url.hostname in LOCAL:
            route.continue_()
        else:
            problems.append(f"request: {route.request.url}")
            route.abort()

    context = browser.new_context()
    context.route("**/*", pass_or_block)
    page = context.new_page()
    page.on("console", lambda message: message.type == "error" and problems.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: problems.append(f"exception: {error}"))
    page.on("websocket", lambda socket: problems.append(f"request: {socket.url}"))
    try:
        yield page, problems
    finally:
        context.close()


# Of a module: while Playwright is at work, no other asyncio loop can run in this thread.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium; without one, the test is skipped, or fails where $MARQUEE_REQUIRE_BROWSER is 1."""
    executable = find()
    if executable is None:
        said = f"no browser: $CHROMIUM is not one, nor is {', '.join(NAMES)} on the PATH; scripts/chromium gets one"
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(said)
        pytest.skip(said)
    with sync_playwright() as playwright:
        # Chromium's sandbox refuses root, and the pages are our own.
        chromium = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in a fresh context; the test fails if the page made an error or went to the network."""
    with watched(browser) as (page, problems):
        yield page
    if problems:
        pytest.fail("\n".join(problems))
