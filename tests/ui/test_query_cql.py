"""CQL on the page of queries, where the store is on Cassandra."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec.structs import replace
from playwright.sync_api import Page, expect

from headwater.config import format_topology, load_topology, with_free_ports
from tests.services.fixtures import CassandraNode
from tests.store.keyspaces import options_of
from tests.ui.accessible import serious
from tests.ui.running import FORK, Grid, eventually, up

KEPT = "SELECT version FROM headwater_schema WHERE name = 'headwater'"


@pytest.fixture
def grid(cassandra: CassandraNode, keyspace_name: str, tmp_path: Path) -> Iterator[Grid]:
    """A server over a keyspace that no node has sent anything to."""
    given = load_topology(FORK)
    server = replace(given.server, store=options_of(cassandra, tmp_path, keyspace_name))
    file = tmp_path / "cassandra.toml"
    file.write_text(format_topology(with_free_ports(replace(given, server=server), tmp_path / "var")))
    grid = Grid(load_topology(file))
    with up(file, "server"):
        eventually(lambda: is_made(grid))
        yield grid


def is_made(grid: Grid) -> bool:
    """Whether the server has made the keyspace, and pages are answered."""
    try:
        grid.get("/totals")
    except OSError:
        return False
    return grid.has_pages()


@pytest.mark.timeout(300)
def test_the_tables_are_asked_in_both_languages_of_the_page(page: Page) -> None:
    page.goto("/query")
    page.get_by_role("button", name="CQL").click()
    expect(page.locator(".note")).to_contain_text("This partition has no such row")
    expect(page.locator(".cm-content")).to_contain_text("WHERE site = 'default'")
    page.get_by_role("button", name="headwater_schema").click()
    page.goto(f"/query?language=cql&sql={KEPT}")
    expect(page.locator(".answer")).to_contain_text("1 row")
    assert page.locator(".results .ag-cell").all_inner_texts() == ["1"]
    assert serious(page) == []

    page.goto("/query?language=cql&sql=SELECT * FROM stored_batch")
    expect(page.locator(".cm-fault")).to_contain_text("site and node and bucket are missing")
    page.locator("[data-language=de]").click()
    expect(page.get_by_text("Tabellen")).to_be_visible()
    page.get_by_role("button", name="SQL").click()
    expect(page.locator(".about")).to_contain_text("Relation provenance")
    assert "language" not in parse_qs(urlsplit(page.url).query)
