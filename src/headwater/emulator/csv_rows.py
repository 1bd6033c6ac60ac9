"""The rows of an ordinary CSV file as readings, read by a plan of its columns."""

import csv
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headwater.emulator.csv_columns import Plan, split_row
from headwater.emulator.lines import LINE_BYTES_MAX, Block, Refusal
from headwater.emulator.rows import Names, Rows, number, numbers
from headwater.model.errors import Rejected


class RowParser:
    """Reads one file; a line is a row (a quoted field cannot hold a line break).

    `meters` and `metrics` may be shared by several files. A row with a value that is no number is refused whole;
    a missing value costs only its own reading.
    """

    def __init__(self, plan: Plan, meters: Names, metrics: Names) -> None:
        self.metrics = metrics
        self._plan = plan
        self._meters = meters
        self._value_metrics = metrics.codes(plan.value_names if plan.metric is None else ())

    def parse(self, block: Block) -> Rows:
        """Read every line of the block after the header, all at once when all are good."""
        lines, first_line = _lines_from(block, self._plan.first_row_line)
        try:
            return self._parse_all(lines, block.refusals)
        except (ValueError, csv.Error, Rejected):
            return self._parse_each(lines, first_line, block.refusals)

    def _parse_all(self, lines: Sequence[bytes], refusals: Sequence[Refusal]) -> Rows:
        """Read all lines, column by column. Raises when any line is not good, without saying which."""
        plan = self._plan
        if not lines or max(map(len, lines)) > LINE_BYTES_MAX:
            raise ValueError("a line is too long, or there is none")
        texts = b"\n".join(lines).decode().replace("\r\n", "\n").removesuffix("\r").split("\n")
        rows = list(csv.reader(texts, delimiter=plan.delimiter, strict=True))
        if len(rows) != len(lines) or set(map(len, rows)) != {plan.width}:
            raise ValueError("a line is not one row of the header's width")
        columns = list(zip(*rows, strict=True))
        times = plan.times.many(columns[plan.time])
        meters = None if plan.meter is None else self._meters.codes(columns[plan.meter])
        if len(plan.values) > 1:
            return self._wide(columns, times, meters, refusals)
        values, missing = numbers(columns[plan.values[0]])
        metrics = (
            np.repeat(self._value_metrics, len(rows))
            if plan.metric is None
            else self.metrics.codes(columns[plan.metric])
        )
        return _without_missing(meters, metrics, times, values, missing, refusals)

    def _wide(
        self,
        columns: Sequence[Sequence[str]],
        times: NDArray[np.int64],
        meters: NDArray[np.int32] | None,
        refusals: Sequence[Refusal],
    ) -> Rows:
        width = len(self._plan.values)
        values = np.empty((len(times), width))
        missing = np.zeros((len(times), width), np.bool_)
        for at, column in enumerate(self._plan.values):
            values[:, at], gaps = numbers(columns[column])
            if gaps is not None:
                missing[:, at] = gaps
        metrics = np.tile(self._value_metrics, len(times))
        return _without_missing(
            None if meters is None else np.repeat(meters, width),
            metrics,
            np.repeat(times, width),
            values.ravel(),
            missing.ravel(),
            refusals,
        )

    def _parse_each(self, lines: Sequence[bytes], first_line: int, earlier: Sequence[Refusal]) -> Rows:
        refusals = list(earlier)
        readings: list[tuple[int, int, int, float]] = []
        empty = 0
        for at, line in enumerate(lines, first_line):
            if not line.strip():
                continue
            try:
                taken, gaps = self._parse_line(line)
            except Rejected as refusal:
                refusals.append(Refusal(at, refusal.reason, refusal.detail))
                continue
            readings += taken
            empty += gaps
        meters, metrics, times, values = zip(*readings, strict=True) if readings else ((), (), (), ())
        return Rows(
            None if self._plan.meter is None else np.array(meters, np.int32),
            np.array(metrics, np.int32),
            np.array(times, np.int64),
            np.array(values, np.float64),
            refusals,
            empty,
        )

    def _parse_line(self, line: bytes) -> tuple[list[tuple[int, int, int, float]], int]:
        """Read the readings (meter, metric, time, value) of one line and count its missing values."""
        plan = self._plan
        if len(line) > LINE_BYTES_MAX:
            raise Rejected("length", f"the line is longer than {LINE_BYTES_MAX} bytes")
        row = split_row(line, plan.delimiter)
        if len(row) != plan.width:
            raise Rejected("fields", f"{len(row)} fields where the header has {plan.width}")
        try:
            time = plan.times.one(row[plan.time])
        except (ValueError, OverflowError) as error:
            raise Rejected("time", f"{row[plan.time][:40]!r} is not a time ({plan.times.name})") from error
        values = [number(row[at]) for at in plan.values]
        meter = 0 if plan.meter is None else self._meters.code(row[plan.meter])
        metrics = self._value_metrics.tolist() if plan.metric is None else [self.metrics.code(row[plan.metric])]
        pairs = zip(metrics, values, strict=True)
        taken = [(meter, metric, time, value) for metric, value in pairs if value is not None]
        return taken, len(values) - len(taken)


def _lines_from(block: Block, first_row_line: int) -> tuple[list[bytes], int]:
    lines = block.data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    header_lines = max(0, first_row_line - block.first_line)
    return lines[header_lines:], block.first_line + header_lines


def _without_missing(
    meters: NDArray[np.int32] | None,
    metrics: NDArray[np.int32],
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    missing: NDArray[np.bool_] | None,
    refusals: Sequence[Refusal],
) -> Rows:
    if missing is None or not missing.any():
        return Rows(meters, metrics, times, values, refusals, 0)
    keep = ~missing
    kept_meters = None if meters is None else meters[keep]
    return Rows(kept_meters, metrics[keep], times[keep], values[keep], refusals, int(missing.sum()))
