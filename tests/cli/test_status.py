"""`headwater status`, on the documents that the API makes."""

import msgspec
from rich.console import Console

from headwater.api import documents
from headwater.cli.status import losses, table, troubles
from headwater.client import Node, NodeStat

GATEWAY = documents.NodeStat(
    id="000001",
    node_health="Green",
    provenance_daemon_health="Green",
    pipeline_daemon_health="Yellow",
    outgoing_channel_health="Red",
    send_rate=1999.6,
    receive_rate=2000.4,
    name="gatewayA",
    received=1_234_567,
    sent=1_234_000,
    backlog=12,
    unshipped=3,
    refused={"empty-id": 4, "raised": 1000, "none": 0},
    dropped={},
)
ENDPOINT = documents.NodeStat(
    id="000002",
    node_health="Red",
    provenance_daemon_health="Red",
    pipeline_daemon_health="Red",
    send_rate=0.0,
    receive_rate=0.0,
)
NODES = [documents.Node(id="000001", name="gatewayA", successor="000002"), documents.Node(id="000002", name="endpoint")]


def test_what_a_node_cannot_reach_has_a_line_of_its_own() -> None:
    what = {"MQTT broker b:1883, topic plant/#": "Connection refused"}
    stats = [msgspec.json.decode(msgspec.json.encode(msgspec.structs.replace(GATEWAY, troubles=what)), type=NodeStat)]
    assert [str(line) for line in troubles(stats)] == [
        "gatewayA: MQTT broker b:1883, topic plant/#: Connection refused"
    ]


def lines(counts: bool) -> list[list[str]]:
    stats = msgspec.json.decode(msgspec.json.encode([ENDPOINT, GATEWAY]), type=list[NodeStat])
    nodes = msgspec.json.decode(msgspec.json.encode(NODES), type=list[Node])
    console = Console(width=200, color_system=None)
    with console.capture() as captured:
        console.print(table(stats, nodes, counts))
    return [line.split() for line in captured.get().splitlines()]


def test_nodes_are_shown_by_id_with_names_health_and_rates() -> None:
    header, first, second = lines(counts=False)
    assert header == ["id", "node", "next", "health", "pipeline", "agent", "link", "in/s", "out/s"]
    assert first == ["000001", "gatewayA", "endpoint", "Green", "Yellow", "Green", "Red", "2,000", "2,000"]
    assert second == ["000002", "endpoint", "-", "Red", "Red", "Red", "-", "0", "0"]


def test_counts_are_shown_where_there_is_room() -> None:
    header, first, second = lines(counts=True)
    assert header[9:] == ["received", "sent", "waiting", "unshipped", "refused", "dropped"]
    assert first[9:] == ["1,234,567", "1,234,000", "12", "3", "1,004", "0"]
    assert second[9:] == ["0", "0"]


def test_what_a_node_refused_or_dropped_has_a_line_by_reason() -> None:
    found = msgspec.structs.replace(GATEWAY, dropped={"full": 2})
    stats = msgspec.json.decode(msgspec.json.encode([ENDPOINT, found]), type=list[NodeStat])
    assert [str(line) for line in losses(stats)] == [
        "gatewayA: refused: raised 1,000, empty-id 4",
        "gatewayA: dropped: full 2",
    ]
