"""One browser for all tests of the page."""

import pytest

from tests.stage.browsing import Stage, Written, browser, made


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("browser")) as one:
        yield one


@pytest.fixture
def page(chromium):
    """A window of 1280 x 720 with the usual settings."""
    chromium.tab.resize(1280, 720)
    chromium.media()
    chromium.tab.requests.clear()
    chromium.tab.errors.clear()
    yield chromium
    chromium.tab.open_url("about:blank")


@pytest.fixture
def live(tmp_path, page):
    """A history of both modes that grows, on the page."""
    written = Written(tmp_path, made())
    with Stage(written.source()) as stage:
        written.stage = stage
        page.open(stage.url(lang="en"))
        page.says("header.top", "LIVE")
        yield written
