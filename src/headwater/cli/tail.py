"""`headwater tail`: what is stamped, line by line as it comes, until Ctrl-C."""

import sys
from typing import Annotated

import msgspec
import typer

from headwater.cli import typed
from headwater.cli.client import DEFAULT_SERVER, SERVER_KEY, asking
from headwater.cli.printable import printable
from headwater.cli.trace import instant
from headwater.client import results

SHOWN_MAX = 3


def main(arguments: list[str]) -> int:
    """Follow and print."""
    return typed.run("tail", tail, arguments)


def tail(
    node: Annotated[str | None, typer.Option(metavar="NODE", help="Only at this node: its id or name.")] = None,
    meter: Annotated[str | None, typer.Option(metavar="ID", help="Only batches with this meter.")] = None,
    metric: Annotated[str | None, typer.Option(metavar="ID", help="Only batches with this metric.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON document per line.")] = False,
    server: Annotated[
        str, typer.Option(metavar="URL", envvar=SERVER_KEY, help="The server's REST address.")
    ] = DEFAULT_SERVER,
) -> int:
    """Show batches as they are stamped: when, where, how many readings, the first id, and of which series.

    Example:

        headwater tail --node gatewayA
    """
    with asking(server) as client:
        for event in client.live_stamps(node=node, meter=meter, metric=metric):
            text = msgspec.json.encode(event).decode() if json else printable(line(event))
            print(text, flush=True, file=sys.stdout)
    return 0


def line(event: results.LiveStamp | results.Missed) -> str:
    """An event for a person."""
    if isinstance(event, results.Missed):
        return f"{'some' if event.events is None else f'{event.events:,}'} batches are not shown: {event.why}"
    series = ", ".join(" ".join(key) for key in event.series[:SHOWN_MAX])
    if event.series_count > SHOWN_MAX:
        series += f" and {event.series_count - SHOWN_MAX:,} more"
    made = event.step or ("made" if event.kind == "out" else "received")
    where = event.name or event.node
    return f"{instant(event.received)}  {where}  {event.count:,} {made}  {event.id}  {series}".rstrip()
