"""`headwater status`: how the nodes stand, as the API tells it."""

import sys
import time
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Annotated

import msgspec
import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from headwater.cli import typed
from headwater.cli.client import DEFAULT_SERVER, SERVER_KEY, asking
from headwater.cli.printable import printable
from headwater.cli.status_health import COLOURS, alarm_lines, links_table
from headwater.cli.trace import instant
from headwater.client import Client, Node, NodeStat, calls
from headwater.client.results import ExpiredPeriod, Period

WATCH_EVERY_S = 1.0
WIDE = 160
"""The width of what is not a terminal."""
NARROW = 100
"""Fewer columns of a terminal than this leave the counts away."""
EXPIRED_SHOWN = 1000


def main(arguments: list[str]) -> int:
    """Ask and print."""
    return typed.run("status", status, arguments)


def status(
    server: Annotated[
        str, typer.Option(metavar="URL", envvar=SERVER_KEY, help="The server's REST address.")
    ] = DEFAULT_SERVER,
    json: Annotated[bool, typer.Option("--json", help="Print the API's body as it is.")] = False,
    store: Annotated[
        bool, typer.Option("--store", help="Show what the store holds and what it has deleted, not the nodes.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show it anew each second, until Ctrl-C.")] = False,
) -> int:
    """Show what has failed and how every node and link stands: health, readings a second, and what waits.

    Examples:

        headwater status --server http://127.0.0.1:5000

        headwater status --watch

        headwater status --store
    """
    if store:
        return _store(server, json)
    with asking(server) as client:
        if json:
            return _bodies(client, watch)
        console = Console() if sys.stdout.isatty() else Console(width=WIDE)
        if not watch:
            console.print(shown(client, console.width >= NARROW))
            return 0
        with Live(console=console, auto_refresh=False) as live:
            while True:
                live.update(shown(client, console.width >= NARROW), refresh=True)
                time.sleep(WATCH_EVERY_S)


def _bodies(client: Client, watch: bool) -> int:
    while True:
        sys.stdout.buffer.write(client.reply(calls.stats(detail=True)).body + b"\n")
        sys.stdout.buffer.flush()
        if not watch:
            return 0
        time.sleep(WATCH_EVERY_S)


def shown(client: Client, counts: bool) -> Group:
    """Alarms, nodes, links, and what there is to say of each."""
    health, stats, nodes = client.health(), client.stats(detail=True), client.topology()
    parts: list[RenderableType] = [*alarm_lines(health), table(stats, nodes, counts)]
    if health.links:
        parts += ["", links_table(health)]
    return Group(*parts, *troubles(stats), *losses(stats))


def _store(server: str, json: bool) -> int:
    with asking(server) as client:
        held, expired = list(client.periods()), list(islice(client.expired(), EXPIRED_SHOWN))
    if json:
        sys.stdout.buffer.write(msgspec.json.encode({"periods": held, "expired": expired}) + b"\n")
        return 0
    console = Console() if sys.stdout.isatty() else Console(width=WIDE)
    console.print(store_table(held, expired))
    return 0


def store_table(held: Sequence[Period], expired: Sequence[ExpiredPeriod]) -> Table:
    """The periods of a store, newest first, and below them the latest that were deleted."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("period", "from", "to"):
        made.add_column(heading)
    for heading in ("data points", "bytes"):
        made.add_column(heading, justify="right")
    made.add_column("state")
    for period in held:
        state = "open" if period.ended is None else "sealed"
        made.add_row(str(period.number), *_stretch(period), f"{period.points:,}", f"{period.bytes:,}", state)
    for gone in expired:
        why = Text(f"expired {instant(gone.at)}: {gone.why}", "dim")
        made.add_row(str(gone.number), *_stretch(gone), f"{gone.points:,}", f"{gone.bytes:,}", why)
    return made


def _stretch(period: Period | ExpiredPeriod) -> tuple[str, str]:
    return instant(period.begun), "" if period.ended is None else instant(period.ended)


def table(stats: Sequence[NodeStat], nodes: Sequence[Node], counts: bool) -> Table:
    """The nodes in the order of their ids, with counts since their logs began when asked for."""
    successors = {node.id: node.successor for node in nodes}
    names = {node.id: node.name for node in nodes}
    made = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("id", "node", "next", "health", "pipeline", "agent", "link"):
        made.add_column(heading)
    for heading in (
        "in/s",
        "out/s",
        *(("received", "sent", "waiting", "unshipped", "refused", "dropped") if counts else ()),
    ):
        made.add_column(heading, justify="right")
    for stat in sorted(stats, key=lambda stat: stat.id):
        successor = successors.get(stat.id)
        made.add_row(
            stat.id,
            printable(stat.name or names.get(stat.id, "")),
            names.get(successor, successor) if successor is not None else Text("-", "dim"),
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


def troubles(stats: Sequence[NodeStat]) -> list[Text]:
    """A line for each thing that a node cannot reach."""
    return [
        Text(printable(f"{stat.name or stat.id}: {what}: {why}"), "yellow")
        for stat in sorted(stats, key=lambda stat: stat.id)
        for what, why in stat.troubles.items()
    ]


def losses(stats: Sequence[NodeStat]) -> list[Text]:
    """A line for each node that refused or dropped something: how much, by reason, the most first."""
    return [
        Text(printable(f"{stat.name or stat.id}: {what}: {_reasons(counts)}"), "red")
        for stat in sorted(stats, key=lambda stat: stat.id)
        for what, counts in (("refused", stat.refused), ("dropped", stat.dropped))
        if any(counts.values())
    ]


def _reasons(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{why} {count:,}" for why, count in ordered if count)


def _counts(stat: NodeStat) -> list[str | Text]:
    shown: list[str | Text] = [_number(count) for count in (stat.received, stat.sent, stat.backlog, stat.unshipped)]
    lost = (sum(stat.refused.values()), sum(stat.dropped.values()))
    return shown + [Text(f"{count:,}", "red" if count else "") for count in lost]


def _number(count: int | None) -> str:
    return "" if count is None else f"{count:,}"


def _health(word: str | None) -> Text:
    return Text("-", "dim") if word is None else Text(word, COLOURS.get(word, ""))
