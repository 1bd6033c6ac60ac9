"""One query's view of the embedded store: which batches may hold what is wanted, read in portions."""

import time
from collections.abc import Callable, Iterable, Iterator
from heapq import heapify, heappop, heappush
from typing import NamedTuple

import numpy as np

from headwater.model.ids import DataPointId
from headwater.store.batches import Ids, StoredBatch
from headwater.store.catalogue import IDS, Catalogue
from headwater.store.columns import SERIES_BITS, Integers
from headwater.store.files import StoreFiles, open_to_read
from headwater.store.graph import MEMO_BYTES_MAX
from headwater.store.health import HealthReader
from headwater.store.lineage import id_ranges
from headwater.store.period import BLOCK_BATCHES
from headwater.store.periods import Periods
from headwater.store.query.derived import again, derived, lowest_of_newest, may_hold
from headwater.store.query.view import PORTION_BATCHES, PORTION_POINTS
from headwater.store.query.wanted import MS_MAX, Wanted
from headwater.store.reader import Request

_NUMBER_MASK = (1 << SERIES_BITS) - 1
SERIES_SOUGHT_MAX = 1_000
"""Series that are sought one by one; for more of them blocks are chosen by time alone."""
SOUGHT_SHARE_MAX = 0.3
"""When more of the batches than this may hold what is wanted, reading all of them is quicker."""
SOUGHT_ANYWAY = 4 * BLOCK_BATCHES


class Scan:
    """One query's view of a store: what was stored when it began, and nothing that comes later."""

    def __init__(self, files: StoreFiles, seconds: Callable[[], float] = time.monotonic) -> None:
        """Unavailable while no writer has made the store."""
        self.catalogue = Catalogue(open_to_read(files.catalogue))
        self.health = HealthReader(files)
        self._periods = Periods(files, self.catalogue, seconds)
        self._periods.begin()
        self._rows = {row.number: row for row in self._periods.rows()}
        self._ends = {number: self._bid_end(number) for number, row in self._rows.items() if not row.sealed}
        self._periods.end()
        self.request = Request(self._periods, self.catalogue)

    def close(self) -> None:
        self._periods.close()
        self.health.close()
        self.catalogue.connection.close()

    def node_names(self) -> dict[int, str]:
        return {node.id: node.name for node in self.catalogue.nodes()}

    def rest(self) -> None:
        """To be called when a portion is read: lets go of transactions, files and memory."""
        self._periods.end()
        if self.request.memo.bytes > MEMO_BYTES_MAX:
            self.request = Request(self._periods, self.catalogue)

    def batches(self, wanted: Wanted) -> Iterator[list[StoredBatch]]:
        """All batches that may hold what is wanted, each once."""
        if wanted.nothing:
            return
        if wanted.ids is not None:
            portions = self._holding(wanted.ids)
        elif wanted.keyed and (sought := self._sought(wanted)) is not None:
            portions = self._derived(sought, wanted)
        elif wanted.ranged:
            portions = self._of_nodes(wanted)
        else:
            portions = self._all()
        for portion in portions:
            yield [batch for batch in portion if may_hold(batch, wanted)]

    def newest_from(self, wanted: Wanted, rows: int) -> int:
        """The lowest ordinal such that from there on there are at least so many data points of the wanted nodes; 0
        when there are not."""
        return lowest_of_newest([self._newest(node, wanted.ordinals.last) for node in self._nodes(wanted)], rows)

    def _nodes(self, wanted: Wanted) -> list[int]:
        if wanted.nodes is not None:
            return sorted(wanted.nodes)
        return [node.id for node in self.catalogue.nodes()]

    def _all(self) -> Iterator[list[StoredBatch]]:
        for number in self._rows:
            yield from self._stretch(number, 0, self._end(number))

    def _stretch(self, number: int, first: int, end: int) -> Iterator[list[StoredBatch]]:
        """The batches first <= bid < end of a period."""
        while first < end:
            period = self._periods.numbered(number)
            portion = [] if period is None else period.from_bid(first, end, PORTION_BATCHES, PORTION_POINTS)
            if not portion:
                return
            yield portion
            first = portion[-1].place[1] + 1

    def _holding(self, ids: Iterable[DataPointId]) -> Iterator[list[StoredBatch]]:
        seen: set[tuple[int, int]] = set()
        for at in id_ranges(list(ids)):
            portion = [batch for batch in self.request.over(at) if batch.place not in seen and self._known(batch)]
            seen.update(batch.place for batch in portion)
            yield portion

    def _of_nodes(self, wanted: Wanted) -> Iterator[list[StoredBatch]]:
        first, last = wanted.ordinals
        for node in self._nodes(wanted):
            ids = Ids(node, first, last + 1)
            for _, number in self._periods.ends(IDS, ids):
                yield from self._of_node(number, ids)

    def _of_node(self, number: int, ids: Ids) -> Iterator[list[StoredBatch]]:
        period = self._periods.numbered(number)
        at = ids.first if period is None else period.start_over(ids)
        while period is not None:
            portion = period.from_start(Ids(ids.node, at, ids.end), PORTION_BATCHES, PORTION_POINTS)
            if not portion:
                return
            yield [batch for batch in portion if self._known(batch)]
            at = portion[-1].start + 1
            period = self._periods.numbered(number)

    def _newest(self, node: int, last: int) -> Iterator[tuple[int, int]]:
        """(end, count) of a node's batches, highest end first."""
        heap: list[tuple[int, int, Iterator[tuple[int, int]] | None]]
        heap = [(-end, number, None) for end, number in self._periods.ends(IDS, Ids(node, 0, last + 1))]
        heapify(heap)
        while heap:
            _, number, ends = heappop(heap)
            if ends is None:
                ends = self._newest_in(number, node, last)
            else:
                yield next(ends)
            if (following := next(ends, None)) is not None:
                heappush(heap, (-following[0], number, again(following, ends)))

    def _newest_in(self, number: int, node: int, last: int) -> Iterator[tuple[int, int]]:
        before = last + 1
        while (period := self._periods.numbered(number)) is not None:
            found = period.starts_before(node, before, self._end(number), PORTION_BATCHES)
            if not found:
                return
            yield from ((start + count, count) for start, count in found)
            before = found[-1][0]

    def _sought(self, wanted: Wanted) -> "list[_Stretch] | None":
        """Where batches with keys of what is wanted may be; None when that is nearly everywhere."""
        codes = self._codes(wanted)
        found: list[_Stretch] = []
        first_ms, last_ms = wanted.timestamps
        for period in self._periods.at(first_ms, min(last_ms + 1, MS_MAX)):
            end = self._end(period.number)
            found += [_Stretch(period.number, *each) for each in period.sought(codes, first_ms, last_ms, end)]
        sought = sum(each.end - each.first for each in found)
        all_ = sum(row.batches if row.sealed else self._end(row.number) for row in self._rows.values())
        return found if sought <= max(SOUGHT_SHARE_MAX * all_, SOUGHT_ANYWAY) else None

    def _codes(self, wanted: Wanted) -> list[int] | None:
        """The series that are wanted as postings name them; None for all."""
        if wanted.meters is None and wanted.metrics is None:
            return None
        return self.catalogue.codes(wanted.meters, wanted.metrics, SERIES_SOUGHT_MAX)

    def _derived(self, sought: "list[_Stretch]", wanted: Wanted) -> Iterator[list[StoredBatch]]:
        """The batches of some stretches that hold wanted keys, and all that inherit them."""
        codes = self._codes(wanted)
        seen = _Seen()

        def numbers_of(entry: bytes) -> Integers | None:
            if codes is None:
                return None
            number = self.catalogue.log_number(entry) or 0
            return np.array([code & _NUMBER_MASK for code in codes if code >> SERIES_BITS == number], np.int64)

        def children(ids: Ids) -> Iterator[StoredBatch]:
            return (child for child in self.request.children(ids) if self._known(child))

        portions = (portion for stretch in sought for portion in self._stretch(*stretch))
        return derived(portions, wanted.timestamps, numbers_of, children, seen.first_time)

    def _known(self, batch: StoredBatch) -> bool:
        """Whether a batch was stored when the query began."""
        number, bid = batch.place
        return bid < self._end(number)

    def _end(self, number: int) -> int:
        """Behind the last bid that a period had when the query began."""
        end = self._ends.get(number)
        if end is None:
            end = self._ends[number] = self._bid_end(number) if number in self._rows else 0
        return end

    def _bid_end(self, number: int) -> int:
        period = self._periods.numbered(number)
        return 0 if period is None else period.bid_end()


class _Stretch(NamedTuple):
    """The batches first <= bid < end of a period."""

    period: int
    first: int
    end: int


class _Seen:
    """The batches that were answered with, a byte each."""

    def __init__(self) -> None:
        self._bids: dict[int, bytearray] = {}

    def first_time(self, batch: StoredBatch) -> bool:
        number, bid = batch.place
        bids = self._bids.setdefault(number, bytearray())
        if bid >= len(bids):
            bids.extend(bytes(bid + 1 - len(bids) + (len(bids) >> 1)))
        first = not bids[bid]
        bids[bid] = 1
        return first
