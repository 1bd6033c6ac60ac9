"""The configuration of a 2018 node: environment variables, or a Java properties file, with the Docker defaults.

Two defaults are ours: SINK is `headwater`, and storage time (an option of the command line) is 3,600 s.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import NamedTuple

import msgspec

from headwater.model.context import ALL_METRICS, METRICS
from headwater.model.errors import ConfigError, Rejected
from headwater.model.ids import parse_node

LOCATION_KEY = "CONF_LOC"
FROM_ENVIRONMENT = "EVAR"
FILE_KEY = "provenance_properties"
"""The environment variable that names the properties file."""

HEADWATER = "headwater"
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_BLANKS = " \t\f"
_LINE_END = re.compile(r"\r\n|\r|\n")
_UNICODE = re.compile(r"[0-9A-Fa-f]{4}", re.ASCII)
_HOST = re.compile(r"[^\s,/]{1,255}")


class Neighbour(NamedTuple):
    """A node that this one is connected to."""

    node: int
    host: str


class CassandraSettings(msgspec.Struct, frozen=True):
    """Where a 2018 deployment keeps its tables."""

    host: str = "127.0.0.1"
    port: int = 9042
    keyspace: str = "provenancekey"
    table: str = "provenancetable"
    replication_strategy: str = "SimpleStrategy"
    replication_factor: int = 1


class NodeSettings(msgspec.Struct, frozen=True):
    """What a 2018 configuration says of one node."""

    node: int = 0
    name: str = "NONAME"
    successor: int = 0
    """Node id of the next hop; 0, the default, says nothing."""
    neighbours: tuple[Neighbour, ...] = (Neighbour(0, "127.0.0.1"),)
    sink: str = HEADWATER
    metrics: tuple[str, ...] = ALL_METRICS
    buffer_capacity: int = 10
    """Data points that 2018 gathered before it wrote them; here the log needs no such buffer."""
    cassandra: CassandraSettings = CassandraSettings()


class Property(NamedTuple):
    """One entry of a properties file."""

    line: int
    key: str
    value: str


def from_environment(environment: Mapping[str, str]) -> NodeSettings:
    """What the variables of an environment say; an empty one is as good as absent.

    ConfigError names the variable whose value cannot be used.
    """
    found = {key: (f"environment: {key}", environment[key]) for key in KEYS if environment.get(key, "").strip()}
    return _settings(found)


def parse_properties(text: str, source_name: str) -> NodeSettings:
    """What a Java properties file says; ConfigError names the key, with file and line, that cannot be used."""
    found: dict[str, tuple[str, str]] = {}
    for line, key, value in read_properties(text, source_name):
        place = f"{source_name}, line {line}: {key}"
        if key not in KEYS:
            close = get_close_matches(key.upper(), KEYS, n=1)
            hint = f'did you mean "{close[0]}"?' if close else f"there are {', '.join(KEYS)}"
            raise ConfigError(f'{source_name}, line {line}: unknown key "{key}"; {hint}')
        if key in found:
            raise ConfigError(f"{place} is given a second time")
        found[key] = (place, value)
    return _settings(found)


def check_metrics(metrics: tuple[str, ...]) -> None:
    """ValueError when a name is no context column or comes twice."""
    for position, metric in enumerate(metrics):
        if metric not in METRICS:
            raise ValueError(f'"{metric}" is not a metric: there are {", ".join(METRICS)}')
        if metric in metrics[:position]:
            raise ValueError(f'the metric "{metric}" is named twice')


def read_properties(text: str, source_name: str) -> Iterator[Property]:
    r"""The entries of a file in the format of java.util.Properties; ConfigError at a broken \u escape."""
    for line, logical in _logical_lines(text):
        end = _key_end(logical)
        key, rest = logical[:end], logical[end:].lstrip(_BLANKS)
        value = rest[1:].lstrip(_BLANKS) if rest[:1] in ("=", ":") else rest
        place = f"{source_name}, line {line}"
        yield Property(line, _unescaped(key, place), _unescaped(value, place))


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines with their continuations joined, comments and blank lines left out."""
    lines = iter(enumerate(_LINE_END.split(text.removeprefix("\ufeff")), 1))
    for first, line in lines:
        logical = line.lstrip(_BLANKS)
        if not logical or logical[0] in "#!":
            continue
        while _continues(logical):
            _, following = next(lines, (0, ""))
            logical = logical[:-1] + following.lstrip(_BLANKS)
        yield first, logical


def _continues(line: str) -> bool:
    """Whether a line ends in an odd number of backslashes."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _key_end(line: str) -> int:
    at = 0
    while at < len(line) and line[at] not in "=:" + _BLANKS:
        at += 2 if line[at] == "\\" else 1
    return min(at, len(line))


def _unescaped(text: str, place: str) -> str:
    parts, at = [], 0
    while (backslash := text.find("\\", at)) >= 0:
        parts.append(text[at:backslash])
        escaped = text[backslash + 1 : backslash + 2]
        at = backslash + 2
        if escaped == "u":
            digits = text[at : at + 4]
            if not _UNICODE.fullmatch(digits):
                raise ConfigError(f"{place}: \\u{digits} is no character: 4 hexadecimal digits are needed")
            parts.append(chr(int(digits, 16)))
            at += 4
        else:
            parts.append(_ESCAPES.get(escaped, escaped))
    joined = "".join(parts) + text[at:]
    # Java writes a character outside the basic plane as two escapes, the halves of a UTF-16 pair.
    return joined.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _settings(found: Mapping[str, tuple[str, str]]) -> NodeSettings:
    node: dict[str, object] = {}
    cassandra: dict[str, object] = {}
    for key, (place, value) in found.items():
        field, read = KEYS[key]
        try:
            (cassandra if key.startswith("CASSANDRA_") else node)[field] = read(value.strip())
        except ValueError as error:
            raise ConfigError(f"{place} = {value.strip()[:80]!r}: {error}") from None
        except Rejected as error:
            raise ConfigError(f"{place}: {error.detail}") from None
    return msgspec.convert({**node, "cassandra": CassandraSettings(**cassandra)}, NodeSettings)  # type: ignore[arg-type]


def _text(value: str) -> str:
    if not value:
        raise ValueError("must not be empty")
    return value


def _number(value: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,8}", value, re.ASCII):
        raise ValueError("must be a whole number above 0")
    return int(value)


def _sink(value: str) -> str:
    if value.lower() == "cassandra":
        raise ValueError("a node sends stamps to the server, whose [store] can be Cassandra; use SINK = headwater")
    if value.lower() != HEADWATER:
        raise ValueError("must be headwater")
    return HEADWATER


def _metrics(value: str) -> tuple[str, ...]:
    metrics = tuple(metric.strip() for metric in value.split(","))
    check_metrics(metrics)
    return metrics


def _neighbours(value: str) -> tuple[Neighbour, ...]:
    return tuple(_neighbour(entry.strip()) for entry in value.split(","))


def _neighbour(entry: str) -> Neighbour:
    node, colon, host = entry.partition(":")
    if not colon or not _HOST.fullmatch(host):
        raise ValueError(f'"{entry}" is not of the form id:host')
    return Neighbour(parse_node(node), host)


KEYS: dict[str, tuple[str, Callable[[str], object]]] = {
    "NODE_ID": ("node", parse_node),
    "NODE_NAME": ("name", _text),
    "SUCCESSOR": ("successor", parse_node),
    "NEIGHBOURS": ("neighbours", _neighbours),
    "SINK": ("sink", _sink),
    "METRICS": ("metrics", _metrics),
    "BUFFER_CAPACITY": ("buffer_capacity", _number),
    "CASSANDRA_HOST": ("host", _text),
    "CASSANDRA_PORT": ("port", _number),
    "CASSANDRA_KEYSPACE_NAME": ("keyspace", _text),
    "CASSANDRA_TABLE_NAME": ("table", _text),
    "CASSANDRA_REPLICATION_STRATEGY": ("replication_strategy", _text),
    "CASSANDRA_REPLICATION_FACTOR": ("replication_factor", _number),
}
"""Every key, the field that it sets, and how its value is read."""
