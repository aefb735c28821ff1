"""A story for the pages to tell, and a browser to read them with."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.support.browsing import DESK, Visit
from tests.support.running import Live
from tests.support.story import Story, tell

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def story(live: Live) -> Story:
    """What happened; its last movement is not logged yet."""
    return tell(live)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, or the one that playwright brought."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(live: Live, chromium: Browser, story: Story) -> Iterator[Visit]:
    assert story.lot
    context = chromium.new_context(viewport=DESK)
    visitor = Visit(context, live.url)
    yield visitor
    context.close()
    assert visitor.faults == []
