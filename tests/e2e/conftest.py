"""The browser's fixtures, for the report of a run."""

from tests.browser import browser, page

__all__ = ["browser", "page"]
