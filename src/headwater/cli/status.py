"""`headwater status`: how the nodes stand, as the API tells it."""

import sys
from typing import Annotated

import msgspec
import typer
from msgspec import UNSET, UnsetType
from rich.console import Console
from rich.table import Table
from rich.text import Text

from headwater.cli import typed
from headwater.cli.client import DEFAULT_SERVER, SERVER_KEY, get, read

STATS = "/v1/cluster/stats?detail=true"
TOPOLOGY = "/v1/cluster/topology?detail=true"
COLOURS = {"Green": "green", "Yellow": "yellow", "Red": "red"}
WIDE = 160
"""The width of what is not a terminal."""
NARROW = 100
"""Fewer columns of a terminal than this leave the counts away."""


class NodeStat(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What the API says of one node, as far as it is shown."""

    id: str
    node_health: str
    provenance_daemon_health: str
    pipeline_daemon_health: str
    outgoing_channel_health: str | UnsetType = UNSET
    send_rate: float = 0.0
    receive_rate: float = 0.0
    name: str = ""
    received: int | UnsetType = UNSET
    sent: int | UnsetType = UNSET
    backlog: int | UnsetType = UNSET
    unshipped: int | UnsetType = UNSET
    refused: dict[str, int] = {}
    dropped: dict[str, int] = {}


class Node(msgspec.Struct, frozen=True):
    """A node of the topology, as far as it is shown."""

    id: str
    name: str
    successor: str | UnsetType = UNSET


def main(arguments: list[str]) -> int:
    """Ask and print."""
    return typed.run("status", status, arguments)


def status(
    server: Annotated[
        str, typer.Option(metavar="URL", envvar=SERVER_KEY, help="The server's REST address.")
    ] = DEFAULT_SERVER,
    json: Annotated[bool, typer.Option("--json", help="Print the API's body as it is.")] = False,
) -> int:
    """Show how every node stands: health of the node, its two daemons and its link, and readings a second.

    Example:

        headwater status --server http://127.0.0.1:5000
    """
    stats = get(server, STATS)
    if json:
        sys.stdout.buffer.write(stats + b"\n")
        return 0
    nodes = read(get(server, TOPOLOGY), list[Node])
    console = Console() if sys.stdout.isatty() else Console(width=WIDE)
    console.print(table(read(stats, list[NodeStat]), nodes, console.width >= NARROW))
    return 0


def table(stats: list[NodeStat], nodes: list[Node], counts: bool) -> Table:
    """The nodes in the order of their ids, with counts since their logs began when asked for."""
    names = {node.id: node.name for node in nodes}
    successors = {node.id: node.successor for node in nodes}
    made = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("id", "node", "next", "health", "pipeline", "agent", "link"):
        made.add_column(heading)
    for heading in (
        "in/s",
        "out/s",
        *(("received", "sent", "waiting", "unshipped", "refused/dropped") if counts else ()),
    ):
        made.add_column(heading, justify="right")
    for stat in sorted(stats, key=lambda stat: stat.id):
        successor = successors.get(stat.id, UNSET)
        made.add_row(
            stat.id,
            stat.name or names.get(stat.id, ""),
            names.get(successor, successor) if isinstance(successor, str) else Text("-", "dim"),
            *map(
                _health,
                (
                    stat.node_health,
                    stat.pipeline_daemon_health,
                    stat.provenance_daemon_health,
                    stat.outgoing_channel_health,
                ),
            ),
            f"{stat.receive_rate:,.0f}",
            f"{stat.send_rate:,.0f}",
            *(_counts(stat) if counts else ()),
        )
    return made


def _counts(stat: NodeStat) -> list[str | Text]:
    lost = sum(stat.refused.values()) + sum(stat.dropped.values())
    named = ", ".join(f"{why} {count:,}" for why, count in {**stat.refused, **stat.dropped}.items())
    shown = [_number(count) for count in (stat.received, stat.sent, stat.backlog, stat.unshipped)]
    return [*shown, Text(named, "red") if lost else "0"]


def _number(count: int | UnsetType) -> str:
    return "" if count is UNSET else f"{count:,}"


def _health(word: str | UnsetType) -> Text:
    return Text("-", "dim") if isinstance(word, UnsetType) else Text(word, COLOURS.get(word, ""))
