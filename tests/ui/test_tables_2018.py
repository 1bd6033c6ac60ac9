"""The dashboard over tables of 2018, which a server only reads."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Page, expect

from headwater.config import load_topology
from headwater.config.ports import free_ports
from headwater.store.cassandra2018.rows import Point
from headwater.store.cassandra2018.sink import Beat, Sink2018
from tests.services.fixtures import CassandraNode
from tests.store.keyspaces_2018 import make_tables, options_2018
from tests.ui.running import Grid, eventually, up

FIRST, LAST = "5a7b9137000001000001", "5a7b9138000001000002"


@pytest.fixture
def grid(cassandra: CassandraNode, keyspace: str, tmp_path: Path) -> Iterator[Grid]:
    """A server of two nodes of 2018, one of which was alive a moment ago."""
    make_tables(cassandra, keyspace)
    options = options_2018(cassandra, tmp_path, keyspace)
    with closing(Sink2018(options.cluster, options.table)) as sink:
        sink.nodes([("000001", "gatewayA", "000002"), ("000002", "endpoint", "000002")])
        now_ms = time.time_ns() // 1_000_000
        sink.beats([Beat("000001", now_ms + 600_000, now_ms, {"000001:000002": now_ms})])
        sink.rates([("000001", now_ms, 12.0, 12.0)])
        point = Point(FIRST, meterid="meter-7", metricid="energy", location="berlin", ctime=1_518_047_543_000)
        sink.add([(point, (), None), (point._replace(id=LAST), [FIRST], "simple")])
    (port,) = free_ports(1)
    file = tmp_path / "old.toml"
    store = msgspec.to_builtins(options)
    lines = [f"{key} = {msgspec.json.encode(value).decode()}" for key, value in store.items() if value is not None]
    file.write_text(f'server = {{listen = "127.0.0.1:{port}"}}\n[store]\n' + "\n".join(lines) + "\n")
    grid = Grid(load_topology(file))
    with up(file):
        eventually(grid.has_pages)
        yield grid


@pytest.mark.timeout(300)
def test_nodes_lineage_and_queries_are_shown(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_text("gatewayA").first).to_be_visible()
    page.goto("/node/gatewayA")
    expect(page.get_by_text(FIRST).first).to_be_visible()
    page.goto(f"/lineage/{LAST}")
    expect(page.get_by_text("meter-7").first).to_be_visible()
    page.goto("/find?meter=meter-7")
    expect(page.get_by_text(FIRST).first).to_be_visible()
    page.goto("/query")
    expect(page.locator(".answer")).to_contain_text("1 row")
    expect(page.locator(".cm-content")).to_contain_text("WHERE id = '000001'")
