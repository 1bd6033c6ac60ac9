"""The CSV format of the 2018 system: one file `<meter>.csv`, no header, `seconds,metric,value` a line.

Times are Unix seconds, a metric is 12 digits (an OBIS code in decimal pairs). A value such as `+237530000+2` is a
sign, nine digits with an unwritten point after the first, and a signed exponent of ten: 2.3753 × 10² = 237.53.
Source: grid provenance system, TU Berlin 2018, emulator recordings.
"""

import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headwater.emulator.lines import Block, Refusal
from headwater.emulator.rows import Names, Rows
from headwater.model.errors import Rejected

_LINES = re.compile(rb"^([0-9]{1,12}),([0-9]{12}),([+-][0-9]{9})([+-][0-9]{1,3})\r?$", re.MULTILINE)
_METRIC = re.compile(r"[0-9]{12}")
_SECONDS = re.compile(r"[0-9]{1,12}")
_VALUE = re.compile(r"([+-])([0-9])([0-9]{8})([+-][0-9]{1,3})")
# Ten to this power is exact in a double, and so a nine-digit whole number times or through it is rounded once.
_EXACT_POWER = 22
_POWERS = 10.0 ** np.arange(_EXACT_POWER + 1)


class Parser2018:
    """Reads the file of one meter."""

    def __init__(self, metrics: Names) -> None:
        self.metrics = metrics

    def parse(self, block: Block) -> Rows:
        """Read every line of the block, all at once when all are good."""
        try:
            return self._parse_all(block)
        except (ValueError, Rejected):
            return self._parse_each(block)

    def _parse_all(self, block: Block) -> Rows:
        """Read all lines, column by column. Raises when any line is not good, without saying which."""
        found = _LINES.findall(block.data)
        line_count = block.data.count(b"\n") + (not block.data.endswith(b"\n"))
        if len(found) != line_count:
            raise ValueError("a line is not of the format")
        seconds, metrics, mantissas, exponents = zip(*found, strict=True)
        values = _values(mantissas, exponents)
        times = np.fromiter(map(int, seconds), np.int64, len(seconds)) * 1000
        codes = self.metrics.codes([metric.decode() for metric in metrics])
        return Rows(None, codes, times, values, block.refusals, 0)

    def _parse_each(self, block: Block) -> Rows:
        refusals = list(block.refusals)
        taken: list[tuple[int, int, float]] = []
        empty = 0
        for number, line in enumerate(block.data.split(b"\n"), block.first_line):
            text = line.decode(errors="backslashreplace").strip()
            if not text:
                continue
            try:
                reading = self._parse_line(text)
            except Rejected as refusal:
                refusals.append(Refusal(number, refusal.reason, refusal.detail))
                continue
            if reading is None:
                empty += 1
            else:
                taken.append(reading)
        metrics, times, values = zip(*taken, strict=True) if taken else ((), (), ())
        return Rows(None, np.array(metrics, np.int32), np.array(times, np.int64), np.array(values), refusals, empty)

    def _parse_line(self, text: str) -> tuple[int, int, float] | None:
        fields = text.split(",")
        if len(fields) != 3:
            raise Rejected("fields", f"{len(fields)} fields where seconds,metric,value are 3")
        seconds, metric, value = fields
        if not _SECONDS.fullmatch(seconds):
            raise Rejected("time", f"{seconds[:40]!r} is not a number of Unix seconds")
        if not _METRIC.fullmatch(metric):
            raise Rejected("metric", f"{metric[:40]!r} is not 12 digits")
        if not value:
            return None
        return self.metrics.code(metric), int(seconds) * 1000, parse_value(value)


def is_2018(lines: Sequence[bytes]) -> bool:
    """Whether any of the first lines of a file is of the 2018 format; no line of another format looks like it."""
    return any(_LINES.fullmatch(line) for line in lines)


def parse_value(text: str) -> float:
    """Read a value such as `+237530000+2` to the double nearest to it. Raises Rejected."""
    match = _VALUE.fullmatch(text)
    value = float("{}{}.{}e{}".format(*match.groups())) if match else math.inf
    if not math.isfinite(value):
        raise Rejected("value", f"{text[:40]!r} is not sign, 9 digits, signed exponent, like +237530000+2")
    return value


def _values(mantissas: Sequence[bytes], exponents: Sequence[bytes]) -> NDArray[np.float64]:
    """Read many values like `parse_value`. Raises ValueError when an exponent is too large to do it exactly."""
    digits = np.fromiter(map(float, mantissas), np.float64, len(mantissas))
    powers = np.fromiter(map(int, exponents), np.int64, len(exponents)) - 8
    scales = np.abs(powers)
    if scales.max() > _EXACT_POWER:
        raise ValueError("the power of ten is not exact")
    return np.where(powers < 0, digits / _POWERS[scales], digits * _POWERS[scales])
