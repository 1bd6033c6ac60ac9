"""Payloads as readings: JSON and NDJSON by a mapping, SenML by its standard, CSV by its header."""

import csv
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from headwater.model.errors import Problem, Rejected
from headwater.model.reading import Reading, check_key
from headwater.pipeline import mapping as maps
from headwater.pipeline.mapping import MappingOptions, Path, Template, follow, parse_path
from headwater.wire import senml

Format = Literal["json", "ndjson", "senml", "csv"]
Item = Reading | Problem
SENML_NAMES = frozenset({"name", "bn", "n", "unit"})
"""What a SenML record captures beside its topic: its resolved name, the two parts of that, and its resolved unit."""

_DELIMITERS = ",;\t"
_decode = msgspec.json.Decoder().decode


_Metrics = tuple[tuple[str, Path], ...]


class _Given(NamedTuple):
    """What a payload is read with."""

    captures: Mapping[str, str]
    now_ms: int
    meter: Path | str
    """Where it is in a record, or the name itself."""
    metric: Path | str
    metrics: _Metrics
    """Where the value of each metric is, when a record has several by name."""


class Payloads:
    """Reads payloads of one format by one mapping. Reading never raises: what is wrong comes as a Problem."""

    def __init__(self, format: Format, options: MappingOptions) -> None:
        self.format = format
        self._options = options
        self._records = parse_path(options.records)
        self._value = parse_path(options.value)
        self._timestamp = None if options.timestamp == maps.RECEIVED else parse_path(options.timestamp)
        values = options.values
        self._values = parse_path(values) if isinstance(values, str) else None
        named = {} if isinstance(values, str) else values
        self._metrics = tuple((metric, parse_path(path)) for metric, path in named.items())
        self._read = {"json": self._json, "ndjson": self._ndjson, "senml": self._senml, "csv": self._csv}[format]

    def read(self, payload: bytes, captures: Mapping[str, str], now_ms: int) -> Iterator[Item]:
        """The readings of a payload and, with its place, each thing in it that is none."""
        try:
            yield from self._read(payload, self._given(captures, now_ms))
        except Rejected as error:
            yield Problem("payload", error)

    def _given(self, captures: Mapping[str, str], now_ms: int) -> _Given:
        own = self.format == "senml"  # Its names say what they are of.
        return _Given(
            captures,
            now_ms,
            () if own else maps.found_by(self._options.meter, "meter", captures),
            () if own else maps.found_by(self._options.metric, "metric", captures),
            self._metrics,
        )

    # ---- JSON ----------------------------------------------------------------------------------------------------

    def _json(self, payload: bytes, given: _Given) -> Iterator[Item]:
        yield from self._document(_decoded(payload), "", given)

    def _ndjson(self, payload: bytes, given: _Given) -> Iterator[Item]:
        for number, line in enumerate(payload.split(b"\n"), 1):
            if not line.strip():
                continue
            place = f"line {number}"
            try:
                yield from self._document(_decoded(line), place, given)
            except Rejected as error:
                yield Problem(place, error)

    def _document(self, document: object, place: str, given: _Given) -> Iterator[Item]:
        found = follow(self._records, document)
        if not isinstance(found, list):
            if found is None:
                raise Rejected("records", f"nothing is at {self._options.records}")
            yield from self._record(found, place or "record 1", given)
            return
        before = f"{place}, " if place else ""
        for number, record in enumerate(found, 1):
            yield from self._record(record, f"{before}record {number}", given)

    def _record(self, record: object, place: str, given: _Given) -> Iterator[Item]:
        try:
            meter = maps.text_of(given.meter, record, "meter")
            timestamp = self._time(record, given.now_ms)
            many = self._many(record, given.metrics)
            if many is None:
                metric = maps.text_of(given.metric, record, "metric")
                yield _reading(meter, metric, timestamp, self._single(record))
                return
        except Rejected as error:
            yield Problem(place, error)
            return
        for metric, value in many:
            try:
                yield _reading(meter, metric, timestamp, value)
            except Rejected as error:
                yield Problem(f"{place}, {metric:.40}", error)

    def _time(self, record: object, now_ms: int) -> int:
        if self._timestamp is None:
            return now_ms
        found = follow(self._timestamp, record)
        if found is None or found == "":
            raise Rejected("timestamp", f"no timestamp: nothing is at {self._options.timestamp}")
        return maps.timestamp_of(found, self._options.time)

    def _many(self, record: object, metrics: _Metrics) -> list[tuple[str, object]] | None:
        """The metrics of a record that has several, None when it has one."""
        if metrics:
            named = [(metric, follow(path, record)) for metric, path in metrics]
            found = [(metric, value) for metric, value in named if value is not None and value != ""]
            if not found:
                raise Rejected("values", f"none of the metrics is there: {', '.join(m for m, _ in named)[:100]}")
            return found
        values = None if self._values is None else follow(self._values, record)
        return None if values is None else list(maps.named_values(values))

    def _single(self, record: object) -> object:
        found = follow(self._value, record)
        if found is None:
            raise Rejected("value", f"no value: nothing is at {self._options.value}")
        return found

    # ---- SenML ---------------------------------------------------------------------------------------------------

    def _senml(self, payload: bytes, given: _Given) -> Iterator[Item]:
        meter = self._options.meter or ("{meter}" if "meter" in given.captures else "{bn}")
        metric = self._options.metric or ("{metric}" if "metric" in given.captures else "{n}")
        for entry in senml.resolve(_decoded(payload), given.now_ms):
            if isinstance(entry, Problem):
                yield entry
                continue
            try:
                base, own = _parts(entry, cut="{bn}" in meter)
                names = {**given.captures, "name": entry.name, "bn": base, "n": own, "unit": entry.unit}
                key = Template(meter).fill(names), Template(metric).fill(names)
                yield _reading(*key, entry.timestamp, entry.value)
            except Rejected as error:
                yield Problem(entry.place, error)

    # ---- CSV -----------------------------------------------------------------------------------------------------

    def _csv(self, payload: bytes, given: _Given) -> Iterator[Item]:
        lines = payload.removeprefix(b"\xef\xbb\xbf").split(b"\n")
        at = next((at for at, line in enumerate(lines) if line.strip()), None)
        if at is None:
            raise Rejected("csv", "no line: a header is needed")
        delimiter = max(_DELIMITERS, key=lambda mark: lines[at].count(mark.encode()))
        header = [name.strip() for name in _row(lines[at], delimiter)]
        if len(set(header)) < len(header):
            raise Rejected("csv", f"two columns have one name in {', '.join(header):.200}")
        given = self._for(header, given)
        for number, line in enumerate(lines[at + 1 :], at + 2):
            if not line.strip():
                continue
            place = f"line {number}"
            try:
                row = _row(line, delimiter)
                if len(row) != len(header):
                    raise Rejected("csv", f"{len(row)} fields where the header has {len(header)}")
                yield from self._record(dict(zip(header, row, strict=True)), place, given)
            except Rejected as error:
                yield Problem(place, error)

    def _for(self, header: list[str], given: _Given) -> _Given:
        """How rows of a header are read: where no column is the value, each of the others is the metric it is named."""
        if self._metrics or (len(self._value) == 1 and self._value[0] in header):
            return given
        used = (self._timestamp, given.meter, given.metric)
        rest = [name for name in header if name and (name,) not in used]
        if not rest:
            raise Rejected("csv", f"no column holds values among {', '.join(header):.200}")
        if len(rest) > maps.VALUES_MAX:
            raise Rejected("csv", f"{len(rest)} columns, {maps.VALUES_MAX} metrics at most")
        return given._replace(metrics=tuple((name, (name,)) for name in rest))


def _parts(entry: senml.Entry, cut: bool) -> tuple[str, str]:
    """Base name and own name; where a record has only one of them, that one cut in two, or whole as its own."""
    if entry.base and entry.own:
        return entry.base.rstrip("-:./_"), entry.own
    return _cut(entry.name) if cut else ("", entry.name)


def _decoded(data: bytes) -> Any:
    """A JSON document; Rejected says where it is none."""
    try:
        return _decode(data)
    except RecursionError:
        raise Rejected("json", "nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise Rejected("json", f"not JSON: {error}") from None


def _row(line: bytes, delimiter: str) -> list[str]:
    """The fields of a line; a quoted one cannot hold a line break."""
    try:
        return next(csv.reader([line.decode().removesuffix("\r")], delimiter=delimiter, strict=True), [])
    except UnicodeDecodeError as error:
        raise Rejected("csv", f"byte {error.start + 1} is not UTF-8") from None
    except csv.Error as error:
        raise Rejected("csv", str(error)) from None


def _cut(name: str) -> tuple[str, str]:
    """A name cut at its last / or :; Rejected when that leaves nothing on a side."""
    at = max(name.rfind("/"), name.rfind(":"))
    if at < 1 or at == len(name) - 1:
        raise Rejected("name", f"{name!r:.60} is one name where meter and metric are needed: meter:metric, or bn and n")
    return name[:at], name[at + 1 :]


def _reading(meter: str, metric: str, timestamp: int, value: object) -> Reading:
    check_key(meter, metric)
    return Reading(meter, metric, timestamp, maps.number_of(value))
