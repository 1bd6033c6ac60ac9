"""`headwater find`: values by meter, metric, node, time and value, as a table, CSV or JSON lines."""

import sys
from collections.abc import Callable, Iterator
from csv import writer as csv_writer
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from headwater.cli import typed
from headwater.cli.client import DEFAULT_SERVER, SERVER_KEY, asking
from headwater.cli.printable import printable
from headwater.cli.trace import instant
from headwater.client import Datapoint, Found
from headwater.model.errors import ConfigError

SIZE = 100
PAGE = 1000
WIDE = 160
COLUMNS = ("id", "node", "meter", "metric", "time", "value")


def main(arguments: list[str]) -> int:
    """Ask and print."""
    return typed.run("find", find, arguments)


def find(
    meter: Annotated[str | None, typer.Option(metavar="ID", help="Only this meter.")] = None,
    metric: Annotated[str | None, typer.Option(metavar="ID", help="Only this metric.")] = None,
    node: Annotated[
        str | None, typer.Option(metavar="NODE", help="Only what entered or was made at this node: its id or name.")
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Event time at or after: ISO 8601 (UTC), or ms.")
    ] = None,
    to: Annotated[str | None, typer.Option(metavar="TIME", help="Event time before.")] = None,
    least: Annotated[float | None, typer.Option("--min", metavar="X", help="Values of at least this.")] = None,
    most: Annotated[float | None, typer.Option("--max", metavar="X", help="Values of at most this.")] = None,
    oldest: Annotated[bool, typer.Option("--oldest", help="The oldest first, not the newest.")] = False,
    size: Annotated[int, typer.Option(min=0, metavar="N", help="Show at most so many; 0 shows all.")] = SIZE,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a header.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON document per line.")] = False,
    server: Annotated[
        str, typer.Option(metavar="URL", envvar=SERVER_KEY, help="The server's REST address.")
    ] = DEFAULT_SERVER,
) -> int:
    """Find values, each once: where it entered or was made. Values that no node holds any more show why instead.

    Examples:

        headwater find --meter meter-00200 --metric energy --from 2026-11-21T00:00 --to 2026-11-22

        headwater find --node gatewayA --min 1000 --csv > high.csv
    """
    if csv and json:
        raise ConfigError("--csv and --json exclude each other")
    first_ms, end_ms = range_of(from_, to)
    with asking(server) as client:
        ask = partial(
            client.find_page,
            meter=meter,
            metric=metric,
            from_ms=first_ms,
            to_ms=end_ms,
            node=node,
            least=least,
            most=most,
            newest_first=not oldest,
            detail=True,
            values=True,
        )
        finding = Finding(ask, size)
        show = _as_csv if csv else _as_json if json else as_table
        show(finding)
    if finding.unchecked:
        named = ", ".join(f"{count:,} {why}" for why, count in finding.unchecked.items())
        print(f"headwater: left out, because nobody could tell their values: {named}", file=sys.stderr)
    return 0


def time_of(option: str, text: str | None) -> int | None:
    """A time of the command line in ms since the epoch; ConfigError when it is none."""
    if text is None:
        return None
    if text.removeprefix("-").isdecimal() and text.isascii():
        return int(text)
    try:
        time = datetime.fromisoformat(text)
        return round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise ConfigError(f"{option} {text}: neither ms since the epoch nor ISO 8601, as 2026-11-21T08:30") from None


def range_of(first: str | None, end: str | None) -> tuple[int | None, int | None]:
    """The times of --from and --to; ConfigError when one is none, or nothing can be between them."""
    first_ms, end_ms = time_of("--from", first), time_of("--to", end)
    if first_ms is not None and end_ms is not None and first_ms >= end_ms:
        raise ConfigError(f"nothing is from {first} to before {end}: --from must be the earlier one")
    return first_ms, end_ms


class Finding:
    """The data points of a search, page by page as they are iterated over."""

    def __init__(self, ask: Callable[..., Found], size: int) -> None:
        self._ask = ask
        self._size = size
        self.unchecked: dict[str, int] = {}
        """How many were left out because nobody could tell their value, by reason."""
        self.more = False
        """Whether there are more than were iterated over."""

    def __iter__(self) -> Iterator[Datapoint]:
        left, cursor = self._size or sys.maxsize, None
        while left:
            found = self._ask(size=min(left, PAGE), cursor=cursor)
            for why, count in found.unchecked.items():
                self.unchecked[why] = self.unchecked.get(why, 0) + count
            yield from found.points
            left -= len(found.points)
            cursor = found.next
            self.more = cursor is not None
            if cursor is None:
                return


def cells(point: Datapoint) -> list[str]:
    """A data point as the cells of a row, in the order of COLUMNS."""
    context = point.context
    value = point.value_state or "" if point.value is None else str(point.value)
    time = "" if context.timestamp is None else instant(context.timestamp)
    return [
        point.id,
        point.node or context.host_id or "",
        context.meter_id or "",
        context.metric_id or "",
        time,
        value,
    ]


def _as_csv(points: Finding) -> None:
    rows = csv_writer(sys.stdout, lineterminator="\n")
    rows.writerow(COLUMNS)
    rows.writerows(map(cells, points))


def _as_json(points: Finding) -> None:
    encode = msgspec.json.Encoder().encode
    for point in points:
        sys.stdout.buffer.write(encode(document(point)) + b"\n")


def document(point: Datapoint) -> dict[str, object]:
    """A data point as one flat JSON document; times in ms since the epoch."""
    context = point.context
    found: dict[str, object] = {"id": point.id, "node": point.node or context.host_id}
    found |= {"meter": context.meter_id, "metric": context.metric_id, "time": context.timestamp}
    if point.value is not None:
        return found | {"value": point.value}
    return found | {"value_state": point.value_state}


def as_table(points: Finding) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in COLUMNS:
        table.add_column(heading, justify="right" if heading == "value" else "left", no_wrap=True)
    for point in points:
        # As text, because a meter may be called [red].
        table.add_row(*(Text(printable(cell)) for cell in cells(point)))
    console = Console() if sys.stdout.isatty() else Console(width=WIDE)
    console.print(table)
    if points.more:
        console.print(f"and more: --size 0 shows all, --size N so many, now {table.row_count:,}", style="dim")
