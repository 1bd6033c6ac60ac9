"""Alarms and links as `headwater status` shows them, from the documents that the API makes."""

import httpx
import msgspec
from rich.console import Console

from headwater.cli.status_health import alarm_lines, links_table, told
from headwater.client import ClusterHealth, Subject
from tests.api.conftest import api, store

__all__ = ["api", "store"]


def test_one_dead_node_is_one_line_that_counts_what_it_explains(api: httpx.Client) -> None:
    health = msgspec.json.decode(api.get("/v1/cluster/health").content, type=ClusterHealth)

    (line,) = map(str, alarm_lines(health))

    assert line.startswith("node gatewayB (node or link) since ")
    assert line.endswith("silent on every path for 2.5 s; explains 3 more")


def test_links_have_a_line_each(api: httpx.Client) -> None:
    health = msgspec.json.decode(api.get("/v1/cluster/health").content, type=ClusterHealth)
    console = Console(width=160, color_system=None)

    with console.capture() as captured:
        console.print(links_table(health))

    rows = [line.split() for line in captured.get().splitlines()]
    assert rows[0] == ["link", "health", "sent", "delivered", "waiting", "dropped", "oldest", "out/s"]
    assert rows[1] == ["gatewayA", "to", "gatewayC", "Green", "1,060", "1,000", "53", "7", "0.3", "s", "58"]
    assert rows[3][:4] == ["gatewayB", "to", "gatewayC", "Red"]


def test_subjects_are_told_in_words() -> None:
    names = {"000001": "gatewayA"}
    assert told(Subject("pipeline", "000001"), names) == "pipeline daemon of gatewayA"
    assert told(Subject("link", "000001", "000009"), names) == "link gatewayA to 000009"
    assert told(Subject("server"), names) == "server"


def test_no_name_steers_the_terminal(api: httpx.Client) -> None:
    body = api.get("/v1/cluster/health").content.replace(b"gatewayB", b"\\u001b[31mB\\u000a")
    health = msgspec.json.decode(body, type=ClusterHealth)
    shown = [*map(str, alarm_lines(health)), *(str(cell) for cell in links_table(health).columns[0].cells)]
    assert any("[31mB" in text for text in shown[:1])
    assert any("[31mB" in text for text in shown[1:])
    assert all(text.isprintable() for text in shown)
