"""The pages of a server that no node has spoken to yet."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from headwater.config import format_topology, load_topology, with_free_ports
from tests.ui.accessible import serious
from tests.ui.running import FORK, Grid, eventually, up


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The topology."""
    folder = tmp_path_factory.mktemp("new")
    file = folder / "fork.toml"
    file.write_text(format_topology(with_free_ports(load_topology(FORK), folder / "var")))
    return file


@pytest.fixture(scope="module")
def grid(file: Path) -> Iterator[Grid]:
    """Its server alone."""
    grid = Grid(load_topology(file))
    with up(file, "server"):
        eventually(grid.has_pages)
        yield grid


def test_it_says_what_to_do_and_shows_the_first_node_by_itself(page: Page, file: Path) -> None:
    page.goto("/")
    expect(page.locator("#empty")).to_contain_text("No node has reported yet")
    expect(page.locator(".totals")).to_be_hidden()
    expect(page.locator(".graph")).to_be_hidden()
    expect(page.locator(".away")).to_be_hidden()
    assert serious(page) == []

    with up(file, "endpoint"):
        expect(page.locator("#nodes li")).to_contain_text("endpoint")
        expect(page.locator("#empty")).to_be_hidden()
        expect(page.locator(".graph canvas")).to_be_visible()


def test_a_node_that_has_never_spoken_is_unknown(page: Page) -> None:
    page.goto("/node/gatewayA")

    expect(page.locator("#absent-what")).to_contain_text("There is no node “gatewayA”")
    expect(page.locator(".away")).to_be_hidden()
