"""Reading the embedded store: answers about data points, while another process writes."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from headwater.model.errors import Unavailable
from headwater.model.health import Change
from headwater.model.ids import DataPointId
from headwater.store.arrivals import arrivals, newest_landing
from headwater.store.batches import Ids, Part, StoredBatch
from headwater.store.catalogue import IDS, PARENTS, Catalogue
from headwater.store.expired import LOSSES_MAX, why_missing
from headwater.store.files import StoreFiles, data_version, open_to_read
from headwater.store.found import found_points
from headwater.store.graph import MEMO_BYTES_MAX, GraphReader, StoredGraph
from headwater.store.health import HealthReader, History
from headwater.store.periods import Periods
from headwater.store.points import Sent
from headwater.store.port import (
    Alarm,
    Arrivals,
    DataPoint,
    Expired,
    Held,
    Landing,
    Node,
    Search,
    Standing,
    StoredLoss,
)
from headwater.store.search import entries_of, found_by

T = TypeVar("T")


class SqliteReader(GraphReader["Request"]):
    """The embedded store for reading; one request at a time, from any thread."""

    def __init__(self, files: StoreFiles, seconds: Callable[[], float] = time.monotonic) -> None:
        """Unavailable while no writer has made the store; ConfigError when it is of another format."""
        self._files = files
        self._catalogue = Catalogue(open_to_read(files.catalogue))
        self._periods = Periods(files, self._catalogue, seconds)
        self._health = HealthReader(files)
        self._request = Request(self._periods, self._catalogue)
        self._lock = threading.Lock()

    def search(self, search: Search, size: int) -> Sequence[DataPoint]:
        if size <= 0 or search.first_ms >= search.last_ms:
            return []
        return self._answer(lambda request: request.search(search, size))

    def landing(self) -> Landing:
        return self._answer(lambda _: newest_landing(self._periods))

    def arrivals(self, place: Landing, most: int) -> Arrivals:
        return self._answer(lambda request: arrivals(self._periods, request, place, most))

    def missing(self, ids: list[DataPointId]) -> dict[DataPointId, str]:
        return self._answer(
            lambda _: why_missing(ids, self._catalogue.named_lost(LOSSES_MAX), self._catalogue.expired.over)
        )

    def held(self, size: int = 1000, before: int | None = None) -> list[Held]:
        return self._answer(lambda _: self._periods.held(before))[: max(size, 0)]

    def expired(self, size: int = 1000, before: int | None = None) -> list[Expired]:
        return self._answer(lambda _: self._catalogue.expired.newest(max(size, 0), before))

    def version(self) -> tuple[int, ...]:
        return self._answer(lambda _: (data_version(self._catalogue.connection), *self._periods.versions()))

    def nodes(self) -> list[Node]:
        return self._answer(lambda _: self._catalogue.nodes())

    def losses(self, node: int | None = None, size: int = 1000, before: int | None = None) -> list[StoredLoss]:
        return self._answer(lambda _: self._catalogue.losses(node, max(size, 0), before))

    def alarms(self, size: int = 1000, before: int | None = None) -> list[Alarm]:
        return self._answer(lambda _: self._catalogue.alarms(max(size, 0), before))

    def refused(self) -> dict[str, int]:
        return self._answer(lambda _: self._catalogue.refused())

    def standing(self) -> Standing | None:
        return self._answer(lambda _: self._health.standing())

    def changes(self, size: int = 1000, before: int | None = None, node: int | None = None) -> list[Change]:
        return self._answer(lambda _: self._health.changes(max(size, 0), before, node))

    def following(self, number: int, size: int = 1000) -> list[Change]:
        return self._answer(lambda _: self._health.following(number, max(size, 0)))

    def histories(self, nodes: Iterable[int]) -> dict[int, History]:
        return self._answer(lambda _: self._health.histories(nodes))

    def totals(self) -> dict[str, int]:
        return self._answer(lambda _: self._totals())

    def close(self) -> None:
        with self._lock:
            self._periods.close()
            self._health.close()
            self._catalogue.connection.close()

    def _totals(self) -> dict[str, int]:
        batches, points = self._periods.totals()
        conflicts = self._catalogue.refused().get("conflict", 0)
        size = self._files.disk_bytes()
        expired = self._catalogue.expired.points()
        return {"stamps": points, "batches": batches, "bytes": size, "conflicts": conflicts, "expired": expired}

    def _answer(self, ask: Callable[["Request"], T]) -> T:
        with self._lock:
            try:
                changed = self._periods.begin()
                if changed or self._request.memo.bytes > MEMO_BYTES_MAX:
                    self._request = Request(self._periods, self._catalogue)
                return ask(self._request)
            except (sqlite3.Error, OSError) as error:
                raise Unavailable(f"the store in {self._files.folder} cannot be read: {error}") from error
            finally:
                self._periods.end()


class Request(StoredGraph):
    """What one reader asks of the store."""

    def __init__(self, periods: Periods, catalogue: Catalogue) -> None:
        super().__init__(catalogue)
        self._periods = periods
        self._catalogue = catalogue

    def search(self, search: Search, size: int) -> Sequence[DataPoint]:
        entries = None
        if search.meter is not None or search.metric is not None:
            names = self._catalogue.named(search.meter, search.metric)
            entries = entries_of(
                names, {log: self._catalogue.log_number(log) or 0 for log in {log for log, _ in names}}
            )
        hits = found_by(self._periods, search, entries, size)
        return found_points(self, hits)

    def rest(self) -> None:
        self._periods.rest()

    def children(self, ids: Ids) -> Iterator[StoredBatch]:
        for period in self._periods.holding(PARENTS, ids):
            for bid in period.children(ids):
                batch = self.memo.placed((period.number, bid))
                yield self.memo.keep(period.batch(bid)) if batch is None else batch

    def sent(self, ids: Ids) -> list[Sent]:
        return [sent for period in self._periods.holding(PARENTS, ids) for sent in period.sent(ids)]

    def _last_parts(self, node: int, size: int, before: int) -> list[Part]:
        parts: list[Part] = []
        batches: list[StoredBatch] = []
        for end, period in self._periods.newest(node):
            if parts and sum(part.end - part.first for part in parts) >= size and parts[-1].batch.start >= end:
                break
            batches += map(self.memo.keep, period.newest(node, size, before))
            parts = _last(batches, size, before)
        return parts

    def _batch_at(self, node: int, ordinal: int) -> StoredBatch | None:
        for period in self._periods.holding(IDS, Ids(node, ordinal, ordinal + 1)):
            batch = period.at(node, ordinal)
            if batch is not None:
                return self.memo.keep(batch)
        return None

    def _between(self, ids: Ids) -> list[StoredBatch]:
        found: list[StoredBatch] = []
        missing = ids.end - ids.first
        for period in self._periods.holding(IDS, ids):
            for batch in period.over(ids):
                missing -= min(batch.end, ids.end) - max(batch.start, ids.first)
                found.append(self.memo.keep(batch))
            if missing <= 0:
                break
        return sorted(found, key=lambda batch: batch.start)


def _last(batches: list[StoredBatch], size: int, before: int) -> list[Part]:
    parts = []
    for batch in sorted(batches, key=lambda batch: -batch.start):
        if size <= 0:
            break
        count = min(batch.end, before) - batch.start
        parts.append(Part(batch, max(count - size, 0), count))
        size -= count
    return parts
