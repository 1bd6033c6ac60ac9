"""Every page as it looks, wide and narrow, light and dark: the pictures of the README and of docs/.

They are compared with nothing, as each run shows other readings; they are for looking at. `make pictures` writes them
to docs/images/; the suite takes half of them, each size and colour once, and throws them away.
"""

import os
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.ui.accessible import serious
from tests.ui.conftest import NARROW, TIMEOUT_MS, WIDE, Watched
from tests.ui.running import Grid, averaged

MANY = 500
PROJECT = Path(__file__).parents[2]
WHERE = "HEADWATER_PICTURES"
SIZES = {"wide": WIDE, "narrow": NARROW}
COLOURS = ("light", "dark")
LOOKS = tuple(product(SIZES, COLOURS))
PICTURE = re.compile(r"images/([a-z]+-[a-z]+-[a-z]+\.png)")


class Shown(NamedTuple):
    """A page that has its pictures."""

    name: str
    address: str
    until: str
    """What is there once the page is as it will be."""


PER_NODE = "SELECT node_name, metric, count(*) AS data_points FROM provenance GROUP BY ALL ORDER BY ALL"
PAGES = (
    Shown("grid", "/", "#nodes a"),
    Shown("map", "/?view=map", "#map .pin"),
    Shown("node", "/node/000003", ".points .ag-center-cols-container .ag-row"),
    Shown("lineage", "/lineage/{id}?open={id}.b", ".point[data-key*='.b.']"),
    Shown("find", "/find?meter=meter-00101&metric=active_power&view=chart", "[data-view=chart] canvas"),
    Shown("query", f"/query?{urlencode({'sql': PER_NODE})}", ".results .ag-row"),
    Shown("reports", "/reports", "#content h1"),
)


@pytest.fixture(scope="module")
def id(grid: Grid) -> str:
    """An average of many readings."""
    return averaged(grid, "roof 7", MANY)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the pictures go."""
    given = os.environ.get(WHERE)
    return Path(given) if given else tmp_path


@pytest.fixture(params=LOOKS if WHERE in os.environ else LOOKS[::3], ids="-".join)
def look(request: pytest.FixtureRequest, browser: Browser, grid: Grid, watched: Watched) -> Iterator[tuple[str, Page]]:
    """A page of each size in each colour, and what these are called."""
    size, colour = request.param
    width, height = SIZES[size]
    context = browser.new_context(
        base_url=grid.url,
        locale="en-GB",
        color_scheme=colour,
        viewport={"width": width, "height": height},
        reduced_motion="reduce",
    )
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    page.on("console", watched.console)
    yield f"{size}-{colour}", page
    context.close()


@pytest.mark.parametrize("shown", PAGES, ids=[shown.name for shown in PAGES])
def test_nothing_is_wider_than_the_page_and_axe_finds_nothing_serious(
    shown: Shown, look: tuple[str, Page], id: str, folder: Path
) -> None:
    named, page = look
    page.goto(shown.address.format(id=id))
    page.locator(shown.until).first.wait_for()
    expect(page.locator("body")).not_to_have_class(re.compile("is-stale"))
    page.wait_for_load_state("networkidle")

    assert page.locator("body.body--dark").count() == named.endswith("dark")
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    assert serious(page) == []
    page.screenshot(path=folder / f"{shown.name}-{named}.png")


def test_every_picture_that_is_shown_is_there_and_every_one_there_is_shown() -> None:
    shown = {
        name
        for page in (PROJECT / "README.md", *(PROJECT / "docs").glob("*.md"))
        for name in PICTURE.findall(page.read_text())
    }

    assert shown == {f"{page.name}-{size}-{colour}.png" for page, size, colour in product(PAGES, SIZES, COLOURS)}
    assert shown == {path.name for path in (PROJECT / "docs" / "images").glob("*.png")}
