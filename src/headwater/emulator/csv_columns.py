"""Which columns of an ordinary CSV file are what: given by options, or recognised by their names and contents."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from headwater.emulator.rows import MISSING, number
from headwater.emulator.timestamps import TimeReader, recognise_times, time_reader, zone_named
from headwater.model.errors import ConfigError, Rejected

_SAMPLE_ROWS = 100
_DELIMITERS = ",;\t"
# In each list the surer names come first.
_METER_NAMES = (
    *("meter_id", "meterid", "meter", "customer_id", "household_id", "household", "house_id", "house", "lclid"),
    *("sensor_id", "sensorid", "sensor", "device_id", "deviceid", "device", "vehicle_id", "station_id", "station"),
    "id",
)
_TIME_NAMES = (
    *("timestamp", "datetime", "date_time", "reading_datetime", "reading_time", "time_stamp", "event_time"),
    *("measured_at", "unix_time", "epoch", "utc", "tstp", "ts", "time", "date"),
)
_METRIC_NAMES = ("metric_id", "metricid", "metric", "quantity", "measurement_type", "parameter", "obis", "channel")
_VALUE_NAMES = ("value", "val", "reading_value", "reading", "measurement")


@dataclass(frozen=True, slots=True)
class ColumnOptions:
    """How to read ordinary CSV files; what is None is recognised.

    `value` names one column or several; without a metric column each is the metric it is named. `time_format` is
    `iso`, `epoch` (s or ms by size), `s`, `ms` or a strptime format. `zone` is for times that carry none.
    """

    meter: str | None = None
    metric: str | None = None
    time: str | None = None
    value: Sequence[str] | str | None = None
    time_format: str | None = None
    zone: str = "UTC"
    delimiter: str | None = None

    def check(self) -> None:
        """Raise ConfigError for what no file could be read with."""
        zone_named(self.zone)
        if self.time_format is not None:
            time_reader(self.time_format, self.zone)
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '"\r\n'):
            raise ConfigError(f"delimiter {self.delimiter!r} cannot be used: give one character such as ;")


@dataclass(frozen=True, slots=True)
class Plan:
    """How to read the rows of one file: positions of columns, the names of the value columns, the time reader."""

    delimiter: str
    first_row_line: int
    width: int
    meter: int | None
    metric: int | None
    time: int
    values: tuple[int, ...]
    value_names: tuple[str, ...]
    times: TimeReader


def split_row(line: bytes, delimiter: str) -> list[str]:
    """Split one line into its fields. Raises Rejected when it is not UTF-8 or its quotes do not match."""
    try:
        return next(csv.reader([line.decode().removesuffix("\r")], delimiter=delimiter, strict=True), [])
    except UnicodeDecodeError as error:
        raise Rejected("encoding", f"byte {error.start + 1} is not UTF-8: convert the file to UTF-8") from error
    except csv.Error as error:
        raise Rejected("quotes", str(error)) from error


def plan_columns(lines: Sequence[bytes], options: ColumnOptions) -> Plan:
    """Plan the reading of a file from its first lines.

    Raises Rejected when the columns needed are not there, ConfigError when a date can be read in two ways.
    """
    at = next((at for at, line in enumerate(lines) if line.strip()), None)
    if at is None:
        raise Rejected("file", "the file is empty")
    delimiter = options.delimiter or max(_DELIMITERS, key=lambda mark: lines[at].count(mark.encode()))
    header = [name.strip() for name in split_row(lines[at], delimiter)]
    sample = _sample_rows(lines[at + 1 :], delimiter, len(header))
    columns = _Columns(header, sample)
    time = columns.one_of("time", options.time, _TIME_NAMES)
    if time is None:
        raise Rejected("columns", f"no time column among {columns}: name it with time_column{columns.hint}")
    times = _times(sample, time, options)
    meter = columns.one_of("meter", options.meter, _METER_NAMES)
    metric = columns.one_of("metric", options.metric, _METRIC_NAMES)
    values = columns.values(options.value, alone=metric is not None)
    return Plan(
        delimiter=delimiter,
        first_row_line=at + 2,
        width=len(header),
        meter=meter,
        metric=metric,
        time=time,
        values=values,
        value_names=tuple(header[value] for value in values),
        times=times,
    )


def _sample_rows(lines: Sequence[bytes], delimiter: str, width: int) -> list[list[str]]:
    rows = []
    for line in lines:
        try:
            row = split_row(line, delimiter)
        except Rejected:
            continue
        if len(row) == width:
            rows.append(row)
    return rows


def _times(sample: Sequence[Sequence[str]], time: int, options: ColumnOptions) -> TimeReader:
    if options.time_format is not None:
        return time_reader(options.time_format, options.zone)
    texts = [row[time] for row in sample if row[time].strip() not in MISSING]
    if not texts:
        raise Rejected("file", "no row with a time follows the header")
    return recognise_times(texts, options.zone)


class _Columns:
    """The columns of a header; each can be taken once."""

    def __init__(self, header: Sequence[str], sample: Sequence[Sequence[str]]) -> None:
        self._header = header
        self._sample = sample
        self._free = set(range(len(header)))

    def __str__(self) -> str:
        return ", ".join(self._header[:20])[:200]

    @property
    def hint(self) -> str:
        """What else may be wrong when nothing fits."""
        numeric = any(name and _is_number(name) for name in self._header)
        return " (the first line must be a header)" if numeric else ""

    def one_of(self, what: str, named: str | None, usual: Sequence[str]) -> int | None:
        """Take the column named, or the first one of the usual names that is there."""
        if named is not None:
            return self._take(what, named)
        spelled = {_plain(self._header[at]): at for at in sorted(self._free, reverse=True)}
        at = next((spelled[name] for name in usual if name in spelled), None)
        if at is not None:
            self._free.remove(at)
        return at

    def values(self, named: Sequence[str] | str | None, alone: bool) -> tuple[int, ...]:
        """Take the value columns: those named, the one of a usual name, or all that hold numbers."""
        if named is not None:
            names = [named] if isinstance(named, str) else named
            found = tuple(self._take("value", name) for name in names)
        else:
            usual = self.one_of("value", None, _VALUE_NAMES)
            found = self._numeric() if usual is None else (usual,)
        if not found:
            raise Rejected("columns", f"no column with numbers among {self}: name it with value_column")
        chosen = [self._header[at] for at in found]
        if alone and len(found) > 1:
            raise Rejected("columns", f"{chosen} beside a metric column: name one with value_column")
        if len(set(chosen)) < len(chosen):
            raise Rejected("columns", f"two columns have one name in {chosen}: rename one in the header")
        return found

    def _take(self, what: str, name: str) -> int:
        for same in (str, _plain):
            found = [at for at in sorted(self._free) if same(self._header[at]) == same(name)]
            if len(found) == 1:
                self._free.remove(found[0])
                return found[0]
        problem = "is there more than once" if found else "is not there (or is in use)"
        raise Rejected("columns", f"the {what} column {name!r} {problem}; there are {self}")

    def _numeric(self) -> tuple[int, ...]:
        return tuple(at for at in sorted(self._free) if self._header[at] and self._mostly_numbers(at))

    def _mostly_numbers(self, at: int) -> bool:
        cells = [row[at] for row in self._sample[:_SAMPLE_ROWS] if row[at].strip() not in MISSING]
        return 2 * sum(map(_is_number, cells)) > len(cells)


def _is_number(text: str) -> bool:
    try:
        return number(text) is not None
    except Rejected:
        return False


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
