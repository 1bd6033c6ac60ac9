"""Batches in the order in which the store took them, by the transactions that it keeps."""

from bisect import bisect_left

from headwater.store.arrivals import described
from headwater.store.cassandra import statements as cql
from headwater.store.cassandra.catalogue import Catalogue
from headwater.store.cassandra.graph import Graph
from headwater.store.cassandra.places import IN_TRANSACTION, PAGE_ARRIVALS, unpacked
from headwater.store.port import Arrivals, Landing

_NONE = Landing(0, -1)


def newest_landing(catalogue: Catalogue) -> Landing:
    """The place of the last batch that was stored."""
    taken = catalogue.head().taken
    if not taken:
        return _NONE
    row = catalogue.connection.row(cql.ARRIVAL_AT, catalogue.site, taken // PAGE_ARRIVALS, taken)
    count = IN_TRANSACTION if row is None else len(unpacked(row[0]))  # Its time has run out: behind all of it.
    return Landing(0, taken * IN_TRANSACTION + count - 1)


def arrivals(catalogue: Catalogue, graph: Graph, place: Landing, most: int) -> Arrivals:
    """The first `most` batches behind a place; of the place's own transaction what stands behind it."""
    last = catalogue.head().taken
    landed: list[tuple[Landing, tuple[int, int]]] = []
    first = max((place.bid + 1) // IN_TRANSACTION, 0)
    for page in range(_first_page(catalogue, first, last), last // PAGE_ARRIVALS + 1):
        for taken, body in catalogue.connection.rows(cql.ARRIVALS, catalogue.site, page, first, last):
            places = enumerate(unpacked(body), taken * IN_TRANSACTION)
            landed += [(Landing(0, bid), name) for bid, name in places if bid > place.bid]
            if len(landed) >= most:
                break
        if len(landed) >= most:
            break
    landed = landed[:most]
    graph.read([name for _, name in landed])
    found = [(at, batch) for at, name in landed if (batch := graph.memo.placed(name)) is not None]
    whole = len(found) == len(landed) and _is_there(catalogue, max(first, 1), last)
    return Arrivals(described(graph, found), whole)


def _first_page(catalogue: Catalogue, first: int, last: int) -> int:
    """Where to begin: what is old goes first, so pages that have gone are passed over at once, however many."""
    pages = range(first // PAGE_ARRIVALS, last // PAGE_ARRIVALS + 1)

    def is_kept(page: int) -> bool:
        return catalogue.connection.row(cql.ARRIVALS, catalogue.site, page, first, last) is not None

    if len(pages) <= 2 or is_kept(pages[0]):
        return pages.start
    return pages[min(bisect_left(pages, True, key=is_kept), len(pages) - 1)]


def _is_there(catalogue: Catalogue, taken: int, last: int) -> bool:
    """Whether a transaction is still kept, so that nothing behind it can have gone, or not there yet."""
    if taken > last:
        return True
    return catalogue.connection.row(cql.ARRIVAL_AT, catalogue.site, taken // PAGE_ARRIVALS, taken) is not None
