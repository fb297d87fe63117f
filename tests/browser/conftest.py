"""A real gunicorn on the test database, and a real Chromium."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserType, sync_playwright

from tests.servers import gunicorn

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture
def site(transactional_db, data_root) -> Iterator[str]:
    """The address of a gunicorn that serves the test's database and files."""
    with gunicorn(data_root) as server:
        yield server.address


@pytest.fixture(scope="session")
def browser_type() -> Iterator[BrowserType]:
    with sync_playwright() as playwright:
        yield playwright.chromium


@pytest.fixture
def chromium(site, browser_type) -> Iterator[Browser]:
    """A browser for one test, which ends before the site does.

    Tests do not close its contexts. Chromium may never finish closing a context whose page has just begun to load
    another one, and Playwright waits for it without end. It waits 30 s for a whole browser, and then kills it.
    """
    browser = browser_type.launch(executable_path=shutil.which("chromium"), args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture
def screenshot():
    """Save a page's picture into the folder SCREENSHOTS, if that is set, to look at it."""

    def save(page, name: str) -> None:
        if folder := os.environ.get("SCREENSHOTS"):
            page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)

    return save
