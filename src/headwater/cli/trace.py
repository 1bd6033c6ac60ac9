"""`headwater trace`: the lineage of one value, drawn as a tree."""

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from headwater.cli import typed
from headwater.cli.client import DEFAULT_SERVER, SERVER_KEY, asking
from headwater.cli.printable import printable
from headwater.client import Datapoint, calls
from headwater.model.errors import ConfigError, NotFound, Rejected
from headwater.model.ids import parse_id

MOST = 10
LINE_MAX = 1000


def main(arguments: list[str]) -> int:
    """Ask and draw."""
    return typed.run("trace", trace, arguments)


def trace(
    id: Annotated[str, typer.Argument(metavar="ID", help="A data point id: 20 hexadecimal digits.")],
    forward: Annotated[bool, typer.Option("--forward", help="Draw what it went into.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the API's body as it is.")] = False,
    most: Annotated[int, typer.Option(min=1, metavar="N", help="Draw so many inputs of one value.")] = MOST,
    server: Annotated[
        str, typer.Option(metavar="URL", envvar=SERVER_KEY, help="The server's REST address.")
    ] = DEFAULT_SERVER,
) -> int:
    """Draw where a value comes from, back to its sensors, or forward to all it went into.

    Example:

        headwater trace 5a7b91370003c6000003
    """
    wanted = parsed(id)
    call = calls.trace(wanted, forward=forward)
    with asking(server) as client:
        try:
            body = client.reply(call).body
        except NotFound as error:
            raise NotFound(f"{wanted}: {error}") from None
    if json:
        sys.stdout.buffer.write(body + b"\n")
        return 0
    point = call.read(body)
    # Lines are never cut: a terminal folds what is too long for it.
    Console(width=LINE_MAX, soft_wrap=True, highlight=False).print(drawn(point, forward, most))
    return 0


def parsed(id: str) -> str:
    """An id as the API writes it; ConfigError when it is not one."""
    try:
        return str(parse_id(id.strip()))
    except Rejected as error:
        raise ConfigError(error.detail) from None


def drawn(point: Datapoint, forward: bool, most: int = MOST) -> Tree:
    """A lineage as a tree, at most so many inputs (or outputs) of one data point, the rest counted."""
    tree = Tree(described(point))
    _grow(tree, point, forward, most)
    return tree


def described(point: Datapoint, contribution: str = "simple") -> Text:
    """One data point on one line: id, node, series, event time, value."""
    context = point.context
    line = Text(point.id, "bold")
    line.append(f"  {printable(point.node or context.host_id or point.id[14:])}", "cyan")
    if context.meter_id or context.metric_id:
        line.append(printable(f"  {context.meter_id or '?'} {context.metric_id or '?'}"))
    if context.timestamp is not None:
        line.append(f"  {instant(context.timestamp)}", "green")
    if point.value is not None or point.value_state:
        line.append(f"  {point.value_state if point.value is None else f'= {point.value}'}", "yellow")
    for part, health in point.health.items():
        if health != "Green":
            line.append(f"  {part} was {health}", "red" if health == "Red" else "yellow")
    for remark in (point.missing, "outside" if point.outside else None, point.step):
        if remark:
            line.append(f"  {printable(remark)}", "magenta")
    return line if contribution == "simple" else Text(f"{printable(contribution)}  ", "blue") + line


def instant(time_ms: int) -> str:
    """Milliseconds since the epoch as ISO 8601, UTC; as they are when no calendar reaches that far."""
    try:
        time = datetime.fromtimestamp(time_ms / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return f"{time_ms} ms"
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _grow(tree: Tree, point: Datapoint, forward: bool, most: int) -> None:
    around = point.output_datapoints if forward else point.input_datapoints
    for neighbour in around[:most]:
        _grow(tree.add(described(neighbour.dp, neighbour.contribution)), neighbour.dp, forward, most)
    if len(around) > most:
        tree.add(Text(f"and {len(around) - most:,} more (--most N draws more, --json prints all)", "dim"))
