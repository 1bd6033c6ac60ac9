"""Recordings of one file per meter: read side by side in chunks, however large the files are."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from headwater.emulator.lines import LineFile
from headwater.emulator.rows import Parser, Rows
from headwater.emulator.steps import TimeSpan, readings_of_last_time, step_starts
from headwater.emulator.ticks import NO_COLUMNS, Columns, Rejections, join
from headwater.model.reading import SeriesKey

_NO_SERIES = -1
_PHASES = 8


class Recording:
    """One file, and what is known of it over all passes: what was counted, its series, its span.

    `meter` is the meter of a file without a column of meters. `series` holds the series number of each metric
    code, -1 until the first reading with it has been given.
    """

    def __init__(self, path: Path, meter: str, parser: Parser) -> None:
        self.path = path
        self.meter = meter
        self.parser = parser
        self.span = TimeSpan()
        self.series = np.empty(0, np.int32)
        self._blocks_counted = 0

    def blocks(self, first_bytes: int, chunk_bytes: int, rejections: Rejections) -> Iterator[Rows]:
        """Parse the file from its start; what is refused is counted in the first pass only."""
        return iter(_Pass(self, first_bytes, chunk_bytes, rejections).next_rows, None)

    def counted(self, number: int, rows: Rows, rejections: Rejections) -> Rows:
        """The rows of a block, 1 for the first, that were counted when they were first read."""
        if number > self._blocks_counted:
            self._blocks_counted = number
            self._count(rows, rejections)
        return rows

    def _count(self, rows: Rows, rejections: Rejections) -> None:
        rejections.empty += rows.empty
        for refusal in rows.refusals:
            rejections.add(f"{self.path}:{refusal.line}", refusal.reason, refusal.detail)

    def unnumbered(self) -> frozenset[int]:
        """Give the metric codes without a series number."""
        names = len(self.parser.metrics.known)
        if names > len(self.series):
            more = np.full(names - len(self.series), _NO_SERIES, np.int32)
            self.series = np.concatenate([self.series, more])
        return frozenset(np.flatnonzero(self.series == _NO_SERIES).tolist())


class _Pass:
    """One reading of a file from its start; it holds no block, since thousands of files are read side by side."""

    def __init__(self, recording: Recording, first_bytes: int, chunk_bytes: int, rejections: Rejections) -> None:
        self._recording = recording
        self._file = LineFile(recording.path)
        self._next_bytes = first_bytes
        self._chunk_bytes = chunk_bytes
        self._rejections = rejections
        self._number = 0

    def next_rows(self) -> Rows | None:
        """The next block, parsed; None at the end."""
        block = self._file.next_block(self._next_bytes)
        if block is None:
            return None
        self._number, self._next_bytes = self._number + 1, self._chunk_bytes
        return self._recording.counted(self._number, self._recording.parser.parse(block), self._rejections)


class Cursor:
    """A place in one recording: the next steps of its meter, one chunk and a half of readings at most.

    `ready` steps can be taken; `ended` when these are all there are. Cursors with different numbers `at` begin with
    chunks of different sizes, so that files of one shape are not all read at the same step.
    """

    def __init__(self, recording: Recording, chunk_bytes: int, rejections: Rejections, at: int = 0) -> None:
        self.recording = recording
        self.ended = False
        self._blocks = recording.blocks(
            chunk_bytes * (_PHASES + at % _PHASES) // (2 * _PHASES), chunk_bytes, rejections
        )
        self._buffer = NO_COLUMNS
        self._chunk_readings = 0
        self._last_step = -1
        self._last_time: int | None = None
        self._running = 0

    @property
    def ready(self) -> int:
        """The steps before this one are complete: the last one read may go on until the file ends."""
        return self._last_step + 1 if self.ended else max(0, self._last_step)

    @property
    def finished(self) -> bool:
        """Whether every step was taken."""
        return self.ended and not len(self._buffer.steps)

    @property
    def readings(self) -> int:
        """How many are here."""
        return len(self._buffer.steps)

    def fill(self, step: int) -> None:
        """Read on until `step` is ready and half a chunk is there, or the file ends."""
        while not self.ended and (self.ready <= step or len(self._buffer.steps) <= self._chunk_readings // 2):
            rows = next(self._blocks, None)
            if rows is None:
                self.ended = True
            elif len(rows.times):
                self._append(rows)

    def take(self, stop: int) -> Columns:
        """Take the steps before `stop`; the series column holds metric codes."""
        end = int(np.searchsorted(self._buffer.steps, stop))
        taken = self._buffer.pick(slice(end))
        self._buffer = self._buffer.pick(slice(end, None))
        return taken

    def _append(self, rows: Rows) -> None:
        changes = np.ones(len(rows.times), np.bool_)
        changes[1:] = rows.times[1:] != rows.times[:-1]
        changes[0] = rows.times[0] != self._last_time
        steps = self._last_step + np.cumsum(step_starts(changes, self._running))
        self.recording.span.add(rows.times, self._last_time)
        self._running = readings_of_last_time(changes, self._running)
        self._last_step, self._last_time = int(steps[-1]), int(rows.times[-1])
        self._chunk_readings = len(rows.times)
        self._buffer = join([self._buffer, Columns(steps, rows.metrics, rows.times, rows.values)])


def number_series(parts: Sequence[tuple[Recording, Columns]], series: list[SeriesKey]) -> None:
    """Add the series first met in these columns to `series`: by step, then file, then line."""
    found: list[tuple[int, int, int, int]] = []
    for order, (recording, columns) in enumerate(parts):
        unnumbered = recording.unnumbered()
        if not unnumbered:
            continue
        codes, places = np.unique(columns.series, return_index=True)
        found += [
            (int(columns.steps[place]), order, place, code)
            for code, place in zip(codes.tolist(), places.tolist(), strict=True)
            if code in unnumbered
        ]
    for _, order, _, code in sorted(found):
        recording = parts[order][0]
        recording.series[code] = len(series)
        series.append(SeriesKey(recording.meter, recording.parser.metrics.known[code]))
