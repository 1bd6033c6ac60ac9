"""Finding first stamps by series, node and event time: day by day, through the blocks that have postings."""

from collections.abc import Iterable, Iterator
from functools import partial

import numpy as np

from headwater.model.reading import SeriesName
from headwater.store.batches import Ids, StoredBatch
from headwater.store.cassandra import statements as cql
from headwater.store.cassandra.catalogue import Catalogue
from headwater.store.cassandra.graph import Graph
from headwater.store.cassandra.places import DAY_MS, bounds, bucket_of, day_of
from headwater.store.period import Keyed
from headwater.store.port import Search
from headwater.store.search import Candidate, Gathering, Hits, narrowed
from headwater.wire.keysearch import SeriesSought

POSTINGS_MAX = 64
"""With more series than this all blocks of a day are looked at: cheaper than so many postings."""
Names = dict[bytes, list[int]]
"""Series by the log that has named them."""


def by_log(names: Iterable[SeriesName]) -> Names:
    """Names by their log."""
    found: Names = {}
    for log, number in names:
        found.setdefault(log, []).append(number)
    return found


class Blocks:
    """The blocks of a site by day."""

    def __init__(self, catalogue: Catalogue, graph: Graph) -> None:
        self._catalogue = catalogue
        self._connection = catalogue.connection
        self._site = catalogue.site
        self._layout = catalogue.layout
        self._graph = graph

    def found_by(self, search: Search, names: Names | None, size: int) -> Hits:
        """The first `size` hits of a search among some series, None for all."""
        search = narrowed(search)
        hits = Gathering(size, search.newest)
        for day in self.days(search, names):
            if hits.count >= size:
                break
            first, last = max(search.first_ms, day * DAY_MS), min(search.last_ms, (day + 1) * DAY_MS)
            of_day = search._replace(first_ms=first, last_ms=last)
            candidates = [
                Candidate(t_min, t_max, sought, partial(self._keyed, of_day, node, block, log))
                for log, sought, places in self._places(day, names)
                for node, block, t_min, t_max in places
                if (search.node is None or node == search.node) and t_min < last and t_max >= first
            ]
            candidates.sort(key=_last_first if search.newest else _first_first)
            hits.look(of_day, candidates)
        return hits.found

    def days(self, search: Search, names: Names | None) -> list[int]:
        """The days that may have hits, in the order of the search."""
        first, last = day_of(search.first_ms), day_of(search.last_ms - 1)
        if names is None or not _few(names):
            rows = self._connection.rows(cql.DAYS, self._site, first, last)
            days = {day for day, node in rows if search.node in (None, node)}
        else:
            asked = [(self._site, log, one, first, last) for log, series in names.items() for one in series]
            days = {day for rows in self._connection.each(cql.DAYS_OF_SERIES, asked) for (day,) in rows}
        return sorted(days, reverse=search.newest)

    def starts(self, day: int, names: Names | None, first_ms: int, last_ms: int) -> list[Ids]:
        """The ids that the batches start with that may hold first_ms <= event time < last_ms of some series."""
        found = {
            (node, block)
            for _, _, places in self._places(day, names)
            for node, block, t_min, t_max in places
            if t_min < last_ms and t_max >= first_ms
        }
        return [Ids(node, *bounds(block, self._layout.block_s)) for node, block in sorted(found)]

    def of(self, ids: Ids) -> list[StoredBatch]:
        """The batches with keys that start among the ids of a block."""
        return [batch for batch in self._graph.within(ids) if batch.keys is not None]

    def _places(
        self, day: int, names: Names | None
    ) -> Iterator[tuple[bytes | None, SeriesSought, list[tuple[int, int, int, int]]]]:
        """(log, its series, (node, block, t_min, t_max) of each block) where a day has some series."""
        if names is None or not _few(names):
            nodes = [node for _, node in self._connection.rows(cql.DAYS, self._site, day, day)]
            every = self._spans(day, nodes)
            places = [(node, block, *span) for (node, block), span in every.items()]
            if names is None:
                yield None, SeriesSought(None), places
            for log, series in (names or {}).items():
                yield log, SeriesSought(np.array(series, np.int64)), places
            return
        for log, series in names.items():
            asked = [(self._site, log, one, day) for one in series]
            posted = {(row[0], row[1]) for rows in self._connection.each(cql.POSTINGS, asked) for row in rows}
            spans = self._spans(day, sorted({node for node, _ in posted}))
            places = [(*place, *spans[place]) for place in posted if place in spans]
            yield log, SeriesSought(np.array(series, np.int64)), places

    def _spans(self, day: int, nodes: list[int]) -> dict[tuple[int, int], tuple[int, int]]:
        """The event times of all blocks of some nodes on a day."""
        found = self._connection.each(cql.BLOCKS, [(self._site, day, node) for node in nodes])
        return {
            (node, block): (t_min, t_max)
            for node, rows in zip(nodes, found, strict=True)
            for block, t_min, t_max in rows
        }

    def _keyed(self, search: Search, node: int, block: int, log: bytes | None) -> list[Keyed]:
        """The batches of a block with keys, of an entry log or any, and event times that are searched."""
        first, end = bounds(block, self._layout.block_s)
        bucket = bucket_of(first, self._layout.bucket_s)
        rows = self._connection.rows(cql.BATCH_SPANS, self._site, node, bucket, first, end)
        spans = {
            start: (t_min, t_max)
            for start, _, t_min, t_max in rows
            if t_min is not None and t_min < search.last_ms and t_max >= search.first_ms
        }
        if not spans:
            return []
        batches = self._graph.within(Ids(node, min(spans), max(spans) + 1))
        return [
            Keyed(*spans[batch.start], batch)
            for batch in batches
            if batch.start in spans and log in (None, batch.shipped.entry)
        ]


def _few(names: Names) -> bool:
    return sum(map(len, names.values())) <= POSTINGS_MAX


def _first_first(candidate: Candidate) -> int:
    return candidate.t_min


def _last_first(candidate: Candidate) -> int:
    return -candidate.t_max
