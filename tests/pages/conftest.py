"""A real service over real rows, and a real browser where there is one."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from app.settings import Settings
from tests.pages.site import Site, running

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM = os.environ.get("RIGLINE_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
NEEDS_BROWSER = "test_browser"


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave the browser's tests out where there is none; the summary says so."""
    return True if collection_path.name.startswith(NEEDS_BROWSER) and CHROMIUM is None else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say it where nobody misses it."""
    if CHROMIUM is None:
        terminalreporter.section("no browser")
        terminalreporter.line(
            f"tests/pages/{NEEDS_BROWSER}*.py was left out: install Chromium, or name it in RIGLINE_CHROMIUM"
        )


@pytest.fixture
async def site(settings: Settings) -> AsyncIterator[Site]:
    """Serve an empty database."""
    async with running(settings) as site:
        yield site


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Start one browser for all tests; pages and contexts are each test's own."""
    async with async_playwright() as playwright:
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "HOME": folder}
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, env=environment)
            yield browser
            await browser.close()
