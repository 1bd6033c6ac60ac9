"""A running grid, and Debian's Chromium to look at it with."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from headwater.services.install import BROWSER
from tests.ui.running import Grid, running

WIDE, NARROW = (1280, 900), (390, 844)
TIMEOUT_MS = 60_000
expect.set_options(timeout=TIMEOUT_MS)


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grid]:
    """The fork, running."""
    with running(tmp_path_factory.mktemp("grid")) as grid:
        yield grid


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    if BROWSER.missing():
        pytest.skip("machine cannot: there is no chromium; make services installs it")
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER.path(), args=["--no-sandbox"])
        yield browser
        browser.close()


LEFT = "WebSocket is closed before the connection is established"
"""What a browser says of a page that is left while it still connects."""


class Watched:
    """What a page did that it must not."""

    def __init__(self, host: str) -> None:
        self._host = host
        self.complaints: list[str] = []
        self.expected: list[str] = [LEFT]
        """Parts of complaints that the test provokes."""

    def console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"console: {message.text} ({message.location})")

    def request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob") and address.netloc != self._host:
            self.complaints.append(f"left this machine: {request.url}")

    def unexpected(self) -> list[str]:
        return [said for said in self.complaints if not any(part in said for part in self.expected)]


@pytest.fixture
def watched(grid: Grid) -> Watched:
    """What the page of this test says; `watched.expected` has what it may."""
    return Watched(urlsplit(grid.url).netloc)


@pytest.fixture(params=[WIDE], ids=["wide"])
def page(request: pytest.FixtureRequest, browser: Browser, grid: Grid, watched: Watched) -> Iterator[Page]:
    """A page of a browser that asks for English. It fails the test with an error on its console, or a request that
    leaves this machine. `indirect` parametrization gives another size."""
    width, height = request.param
    context = browser.new_context(
        base_url=grid.url, locale="en-GB", viewport={"width": width, "height": height}, reduced_motion="reduce"
    )
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    page.on("console", watched.console)
    page.on("pageerror", lambda error: watched.complaints.append(f"error: {error}"))
    page.on("request", watched.request)
    page.on("websocket", lambda socket: None)
    yield page
    context.close()
    assert watched.unexpected() == []
