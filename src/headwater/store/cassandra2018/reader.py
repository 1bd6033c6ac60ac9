"""A keyspace of 2018 as a store that is only read."""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from headwater.model.errors import Rejected
from headwater.model.health import Change
from headwater.model.ids import ORDINAL_MAX, DataPointId, format_node, parse_node
from headwater.model.reading import SeriesKey
from headwater.model.records import Config
from headwater.model.report import NodeReport
from headwater.store.cassandra.connection import release, share
from headwater.store.cassandra.usage import disk_bytes
from headwater.store.cassandra2018.index import Index, Scan
from headwater.store.cassandra2018.options import Cassandra2018Options
from headwater.store.cassandra2018.rows import Reading2018
from headwater.store.cassandra2018.standing import Ages, standing
from headwater.store.cassandra2018.table import Known, Tables2018
from headwater.store.port import (
    INPUTS_MAX,
    Alarm,
    Arrivals,
    DataPoint,
    Edge,
    Expired,
    Held,
    History,
    Landing,
    Node,
    Search,
    Standing,
    StoredLoss,
)

UNKNOWN = "unknown"
SCANS_MAX = 4
"""Indexes that one process keeps."""


class Cassandra2018Reader:
    """A keyspace for reading; one request at a time, from any thread."""

    def __init__(self, options: Cassandra2018Options, now_ms: Callable[[], int]) -> None:
        """Unavailable while Cassandra is away, ConfigError when these are not the tables of 2018."""
        self._options = options
        self._now_ms = now_ms
        self._ages = Ages(round(options.green_s * 1000), round(options.yellow_s * 1000))
        self._connection = share(options.cluster)
        try:
            self._tables = Tables2018(self._connection, options.table)
        except BaseException:
            release(self._connection)
            raise
        self._reading = Reading2018()
        self._lock = threading.Lock()

    def points(self, ids: list[DataPointId]) -> dict[DataPointId, DataPoint]:
        with self._lock:
            return self._points(ids)

    def last_of(self, node: int, size: int, before: int | None = None) -> list[DataPoint]:
        """Unavailable or Rejected as `search` has it: the table has no index by node."""
        with self._lock:
            end = ORDINAL_MAX + 1 if before is None else before
            return list(self._points(self._index().newest(node, max(size, 0), end)).values())

    def backward(self, ids: list[DataPointId], most: int = INPUTS_MAX) -> Mapping[DataPointId, DataPoint]:
        found: dict[DataPointId, DataPoint] = {}
        with self._lock:
            for level in _levels(ids, most):
                points = self._points(level.ids)
                found |= points
                level.next += [edge.point for point in points.values() for edge in point.inputs]
        return found

    def forward(
        self, ids: list[DataPointId], most: int = INPUTS_MAX
    ) -> dict[DataPointId, tuple[DataPoint, tuple[Edge, ...]]]:
        """Unavailable or Rejected as `search` has it: the table has no index by input."""
        found: dict[DataPointId, DataPoint] = {}
        made: dict[DataPointId, list[DataPointId]] = {}
        with self._lock:
            index = self._index()
            for level in _levels(ids, most):
                points = self._points(level.ids)
                found |= points
                made |= {id: index.children(id) for id in points}
                level.next += [child for id in points for child in made[id]]
        return {id: (point, _outputs(id, made[id], found)) for id, point in found.items()}

    def find(self, key: SeriesKey, first_ms: int, last_ms: int, size: int) -> Sequence[DataPoint]:
        return self.search(Search(first_ms, last_ms, *key), size)

    def search(self, search: Search, size: int) -> Sequence[DataPoint]:
        """Unavailable while all of the table is being read for it, Rejected("too-large") when it is too large."""
        if size <= 0 or search.first_ms >= search.last_ms:
            return []
        with self._lock:
            return list(self._points(self._index().found(search, size)).values())

    def landing(self) -> Landing:
        return Landing(0, 0)

    def arrivals(self, place: Landing, most: int) -> Arrivals:
        """None: the tables do not tell what came when."""
        return Arrivals([], True)

    def missing(self, ids: list[DataPointId]) -> dict[DataPointId, str]:
        return dict.fromkeys(ids, UNKNOWN)

    def held(self, size: int = 1000, before: int | None = None) -> list[Held]:
        return []

    def expired(self, size: int = 1000, before: int | None = None) -> list[Expired]:
        return []

    def version(self) -> tuple[int, ...]:
        """Another one each second: the tables do not tell whether they have changed."""
        return (self._now_ms() // 1000,)

    def nodes(self) -> list[Node]:
        known = self._known()
        return [_node(node, known) for node in known.nodes]

    def losses(self, node: int | None = None, size: int = 1000, before: int | None = None) -> list[StoredLoss]:
        return []

    def alarms(self, size: int = 1000, before: int | None = None) -> list[Alarm]:
        return []

    def standing(self) -> Standing | None:
        known = self._known()
        return standing(known.nodes, known.beats, self._ages, self._now_ms())

    def changes(self, size: int = 1000, before: int | None = None, node: int | None = None) -> list[Change]:
        """None: each heartbeat takes the place of the one before."""
        return []

    def following(self, number: int, size: int = 1000) -> list[Change]:
        return []

    def histories(self, nodes: Iterable[int]) -> Mapping[int, History]:
        return {}

    def refused(self) -> dict[str, int]:
        """What in the tables could not be understood."""
        known = self._known()
        return dict(sorted((self._reading.refused | ({"node-id": known.strange} if known.strange else {})).items()))

    def totals(self) -> dict[str, int]:
        """Data points are counted once all of the table was read for something."""
        with self._lock:
            done = _scan_of(self._options).done
            bytes = disk_bytes(self._connection)
        return {
            "stamps": 0 if done is None else len(done),
            "batches": 0,
            "bytes": bytes,
            "conflicts": 0,
            "expired": 0,
        }

    def close(self) -> None:
        with self._lock:
            release(self._connection)

    def _points(self, ids: list[DataPointId]) -> dict[DataPointId, DataPoint]:
        rows = self._tables.points(list(dict.fromkeys(ids)))
        return {id: self._reading.point(id, row) for id, row in rows.items()}

    def _known(self) -> Known:
        with self._lock:
            return self._tables.known()

    def _index(self) -> Index:
        scan = _scan_of(self._options)
        with scan.lock:
            return scan.index(self._tables.behind)


class _Level:
    """Ids of a walk that are looked at together, and where it goes from them."""

    def __init__(self, ids: list[DataPointId]) -> None:
        self.ids = ids
        self.next: list[DataPointId] = []


def _levels(ids: list[DataPointId], most: int) -> Iterable[_Level]:
    """The levels of a walk, each id once; whoever looks at one fills in where it goes. Rejected("too-large")."""
    seen: set[DataPointId] = set()
    level = _Level([])
    level.next = ids
    while fresh := [id for id in dict.fromkeys(level.next) if id not in seen]:
        seen.update(fresh)
        if len(seen) > most:
            raise Rejected("too-large", f"lineage of more than {most} data points: ask for fewer ids at once")
        level = _Level(fresh)
        yield level


def _outputs(id: DataPointId, children: list[DataPointId], found: Mapping[DataPointId, DataPoint]) -> tuple[Edge, ...]:
    """What a data point contributed to those that were made of it."""
    return tuple(
        Edge(child, edge.contribution)
        for child in children
        if child in found
        for edge in found[child].inputs
        if edge.point == id
    )


def _node(node: int, known: Known) -> Node:
    name, successor = known.names.get(node, (None, None))
    next: int | None = None
    with contextlib.suppress(Rejected):
        next = parse_node(successor or "")
    # Zeros are the default of 2018: nobody said who comes next. At an endpoint it names itself.
    if next in (0, node):
        next = None
    called = name or format_node(node)
    report = None
    beat = known.beats.get(node)
    if node in known.rates:
        sent, received = known.rates[node]
        at_ms = beat.time_ms or 0 if beat is not None else 0
        report = NodeReport(node, at_ms, 0, 0, received, sent, 0, 0, 0, at_ms)
    return Node(
        id=node,
        name=called,
        log=bytes(8),
        address="",
        config=Config(node, called, None if next is None else format_node(next), next),
        report=report,
        reported_ms=0 if beat is None else beat.time_ms or 0,
    )


_scans: OrderedDict[bytes, Scan] = OrderedDict()
_scans_lock = threading.Lock()


def _scan_of(options: Cassandra2018Options) -> Scan:
    """The index of this process for a table; readers come and go meanwhile."""
    key = msgspec.msgpack.encode(options)
    with _scans_lock:
        scan = _scans.get(key)
        if scan is None:
            table = f"{options.keyspace}.{options.table}"
            scan = _scans[key] = Scan(table, options.scan_rows_max, options.scan_s)
        _scans.move_to_end(key)
        while len(_scans) > SCANS_MAX:
            _scans.popitem(last=False)
        return scan
