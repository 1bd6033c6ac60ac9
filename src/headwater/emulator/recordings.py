"""Recordings as a replay: a CSV file or a folder of them, opened, put side by side and looped."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from headwater.emulator.csv2018 import Parser2018, is_2018
from headwater.emulator.csv_columns import ColumnOptions, Plan, plan_columns
from headwater.emulator.csv_rows import RowParser
from headwater.emulator.lines import first_lines
from headwater.emulator.rows import Names
from headwater.emulator.steps import TimeSpan
from headwater.emulator.streams import Cursor, Recording, number_series
from headwater.emulator.table import Table, build_table
from headwater.emulator.ticks import Columns, Rejections, Tick, cut_ticks, join, sort_by_step
from headwater.model.errors import ConfigError, Rejected
from headwater.model.reading import SeriesKey

_TABLE_CHUNK_BYTES = 1 << 20
_CHUNK_BYTES_MIN, _CHUNK_BYTES_MAX = 1 << 12, 1 << 20
_BLOCK_READINGS = 262_144
"""About so many readings are put together and sorted at a time, or those of one step."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a replay may take.

    `readings_max` bounds the readings of files with a column of meters, which are held in memory. `chunk_bytes` is
    shared by all files of one meter, each read in chunks of 4 kB to 1 MB; parsed they take four times that.
    `meters_max` and `metrics_max` bound the names in one table; a file of one meter may have `metrics_max`, too.
    """

    readings_max: int = 10_000_000
    chunk_bytes: int = 32 << 20
    meters_max: int = 1_000_000
    metrics_max: int = 10_000


class Recordings:
    """The replay of recorded files.

    A step of a meter is its consecutive readings of one time, in file order; tick n holds step n of every meter
    that has so many. With `loop` the steps start over when the longest meter is through, and each loop moves the
    recorded times on by the span of all of them and one gap between two steps, so that event time keeps rising.
    Starting at a late tick of files of one meter each reads them up to there; a table is entered directly.
    """

    def __init__(
        self, table: Table, streams: Sequence[Recording], rejected: Rejections, loop: bool, chunk_bytes: int
    ) -> None:
        self.rejected = rejected
        self.series: list[SeriesKey] = list(table.series)
        self._table = table
        self._streams = streams
        self._loop = loop
        self._chunk_bytes = chunk_bytes
        self._block_readings = _BLOCK_READINGS
        self._pass_ticks = None if streams else table.step_count

    def ticks(self, first: int = 0) -> Iterator[Tick]:
        """Give the ticks from number `first` on, exactly those that an iteration from 0 gives there."""
        base, shift_ms = self._passes_before(first)
        while True:
            length = 0
            for start, stop, parts in self._blocks(max(0, first - base)):
                length = stop
                if base + stop > first:
                    columns = sort_by_step(join(parts), len(self.series))
                    yield from cut_ticks(columns, max(start, first - base), stop, base, shift_ms)
            if not self._loop or not length:
                return
            self._pass_ticks = length
            base, shift_ms = base + length, shift_ms + self._span().loop_ms

    def _passes_before(self, first: int) -> tuple[int, int]:
        """Give tick and shift at which the pass with tick `first` begins, as far as the length is known."""
        if not self._loop or not self._pass_ticks:
            return 0, 0
        passes = first // self._pass_ticks
        return passes * self._pass_ticks, passes * self._span().loop_ms

    def _span(self) -> TimeSpan:
        span = TimeSpan()
        for part in (self._table.span, *(recording.span for recording in self._streams)):
            span.join(part)
        return span

    def _blocks(self, first: int) -> Iterator[tuple[int, int, list[Columns]]]:
        """Give runs of steps with the readings of every meter in them; those before `first` come without."""
        cursors = [
            Cursor(recording, self._chunk_bytes, self.rejected, at) for at, recording in enumerate(self._streams)
        ]
        start = 0 if cursors else min(first, self._table.step_count)
        while True:
            for cursor in cursors:
                cursor.fill(start)
            stop = self._block_end(cursors, start)
            if stop <= start:
                return
            taken = [(cursor.recording, cursor.take(stop)) for cursor in cursors]
            number_series(taken, self.series)
            yield start, stop, [self._table.take(start, stop), *map(_with_series, taken)]
            cursors = [cursor for cursor in cursors if not cursor.finished]
            start = stop

    def _block_end(self, cursors: Sequence[Cursor], start: int) -> int:
        ends = [cursor.ready for cursor in cursors if not cursor.ended]
        if start < self._table.step_count:
            ends.append(self._table.block_end(start))
        end = min(ends) if ends else max((cursor.ready for cursor in cursors), default=start)
        per_step = sum(cursor.readings / max(1, cursor.ready - start) for cursor in cursors)
        return min(end, start + max(1, int(self._block_readings / max(1.0, per_step))))


def open_recordings(
    path: Path,
    options: ColumnOptions | None = None,
    *,
    loop: bool = False,
    limits: Limits | None = None,
    files: Sequence[Path] | None = None,
) -> Recordings:
    """Open a CSV file, or all `.csv` and `.csv.gz` files of a folder in the order of their names, or some of them.

    Each file is of the 2018 format, or ordinary CSV read by `options`. A file that cannot be used is refused and
    counted; the others are replayed. Raises ConfigError when nothing can be replayed, or what to do is unclear.
    """
    options, limits = options or ColumnOptions(), limits or Limits()
    options.check()
    rejections = Rejections()
    meters, metrics = Names("meter", limits.meters_max), Names("metric", limits.metrics_max)
    tables: list[Recording] = []
    streams: list[Recording] = []
    for file in _files_of(path) if files is None else files:
        try:
            plan = _plan(file, options)
        except Rejected as refusal:
            rejections.add(str(file), refusal.reason, refusal.detail)
            continue
        if plan is not None and plan.meter is not None:
            tables.append(Recording(file, "", RowParser(plan, meters, metrics)))
        else:
            own = Names("metric", limits.metrics_max)
            parser = Parser2018(own) if plan is None else RowParser(plan, meters, own)
            streams.append(Recording(file, _stem(file), parser))
    parsed = (rows for table in tables for rows in table.blocks(_TABLE_CHUNK_BYTES, _TABLE_CHUNK_BYTES, rejections))
    table = build_table(parsed, meters, metrics, limits.readings_max)
    _check(path, table, streams, rejections)
    chunk_bytes = min(_CHUNK_BYTES_MAX, max(_CHUNK_BYTES_MIN, limits.chunk_bytes // max(1, len(streams))))
    return Recordings(table, streams, rejections, loop, chunk_bytes)


def _files_of(path: Path) -> list[Path]:
    try:
        if not path.is_dir():
            path.stat()
            return [path]
        files = sorted(file for file in path.iterdir() if _is_recording(file.name))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}): give a CSV file or a folder of them") from error
    if not files:
        raise ConfigError(f"{path} holds no .csv or .csv.gz file: give a CSV file or a folder of them")
    return files


def _is_recording(name: str) -> bool:
    return name.lower().endswith((".csv", ".csv.gz")) and not name.startswith(".")


def _plan(file: Path, options: ColumnOptions) -> Plan | None:
    """Plan the columns of a file, None for the 2018 format. Raises Rejected or ConfigError."""
    lines = first_lines(file).data.split(b"\n")
    if is_2018(lines):
        return None
    try:
        return plan_columns(lines, options)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from error


def _stem(file: Path) -> str:
    name = file.name
    for ending in (".gz", ".csv"):
        name = name[: -len(ending)] if name.lower().endswith(ending) else name
    return name


def _check(path: Path, table: Table, streams: Sequence[Recording], rejections: Rejections) -> None:
    """Raise ConfigError when there is nothing to replay, or two files hold one meter."""
    if not streams and not table.step_count:
        reason = rejections.messages[0] if rejections.messages else "every value is missing"
        raise ConfigError(f"{path} holds no reading that can be replayed: {reason}")
    seen = {key.meter for key in table.series}
    for stream in streams:
        if stream.meter in seen:
            raise ConfigError(f"{stream.path}: another file holds the meter {stream.meter!r}: rename or remove one")
        seen.add(stream.meter)


def _with_series(taken: tuple[Recording, Columns]) -> Columns:
    recording, columns = taken
    return columns._replace(series=recording.series[columns.series])
