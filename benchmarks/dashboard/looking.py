"""A browser that looks at the grid, and how long what it shows takes it."""

import math
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from headwater.services.install import BROWSER

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page

PATIENCE_MS = 180_000
SIZE = {"width": 1280, "height": 900}


class Times(NamedTuple):
    """Milliseconds of many updates."""

    p50: float
    p95: float
    most: float

    @classmethod
    def of(cls, all_ms: Sequence[float]) -> "Times":
        """Of two at least."""
        ordered = sorted(all_ms)
        return cls(statistics.median(ordered), ordered[math.ceil(0.95 * len(ordered)) - 1], ordered[-1])


class Window:
    """The open page, and what the browser has computed since it was opened: scripts, layout, painting, network."""

    def __init__(self, page: "Page", session: "CDPSession") -> None:
        self.page = page
        self._session = session
        self._before = self._used_s()

    @property
    def cpu_ms(self) -> float:
        """Processor time of all processes of the browser, which other programs on the machine do not add to."""
        return 1000 * sum(used_s - self._before.get(id, 0.0) for id, used_s in self._used_s().items())

    def _used_s(self) -> dict[int, float]:
        told = self._session.send("SystemInfo.getProcessInfo")["processInfo"]
        return {one["id"]: one["cpuTime"] for one in told}


class Updates(NamedTuple):
    """What changes took, in ms."""

    applied: Times
    """Until the page's scripts were done."""
    frame: Times
    """Until the frame that shows them was over."""
    number: int
    cpu_ms: float
    """Of the browser for each, painting too."""


@contextmanager
def chromium() -> Iterator["Browser"]:
    """Debian's Chromium without a window; SystemExit says what is missing."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        sys.exit('this benchmark looks with a browser: pip install playwright, or "headwater[dev]"')
    if BROWSER.missing():
        sys.exit(f"this benchmark looks with a browser: apt-get install {BROWSER.package}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER.path(), args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(browser: "Browser", url: str, nodes: int) -> Iterator["Window"]:
    """The grid in a window with an empty cache, once all nodes are drawn."""
    context = browser.new_context(viewport=SIZE)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.add_init_script("window.measured = []")
    window = Window(page, browser.new_browser_cdp_session())
    page.goto(url, wait_until="commit")
    shown(page, nodes)
    yield window
    context.close()


def shown(page: "Page", nodes: int) -> float:
    """Milliseconds from asking for the page until the grid was drawn first."""
    page.wait_for_function("performance.getEntriesByName('meaningful').length > 0")
    page.wait_for_function(f"document.querySelectorAll('#nodes li').length === {nodes}")
    found: float = page.evaluate("performance.getEntriesByName('meaningful')[0].startTime")
    return found


def updates(window: Window, wait: Callable[[], object]) -> Updates:
    """What changes took while waiting."""
    window.page.evaluate("window.measured.length = 0")
    before_ms = window.cpu_ms
    wait()
    window.page.wait_for_function("window.measured.length > 1")
    used_ms = window.cpu_ms - before_ms
    measured: list[tuple[float, float]] = window.page.evaluate("window.measured")
    applied, frame = ([one[at] for one in measured] for at in (0, 1))
    return Updates(Times.of(applied), Times.of(frame), len(measured), used_ms / len(measured))
