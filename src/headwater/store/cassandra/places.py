"""Which partition holds what: pure arithmetic on ids and event times."""

import struct
from collections.abc import Iterable, Iterator

from headwater.model.ids import COUNTER_BITS
from headwater.store.batches import Ids

DAY_MS = 86_400_000
PAGE = 1_000
"""Losses and alarms that share a partition."""
PAGE_ARRIVALS = 1_024
"""Transactions that do."""
IN_TRANSACTION = 1 << 20
"""More batches than one transaction ever stores."""
ABOVE_ALL = 1 << 62
"""Above every ordinal and every number."""
_ENTRY = struct.Struct(">IQ")


def second_of(ordinal: int) -> int:
    """The seconds that an id begins with."""
    return ordinal >> COUNTER_BITS


def bucket_of(ordinal: int, bucket_s: int) -> int:
    """The bucket whose partition a batch lies in that starts with this id, or the edges from this parent."""
    return second_of(ordinal) // bucket_s


def bounds(bucket: int, bucket_s: int) -> tuple[int, int]:
    """The first ordinal of a bucket (or block), and the one behind its last."""
    return (bucket * bucket_s) << COUNTER_BITS, ((bucket + 1) * bucket_s) << COUNTER_BITS


def buckets_over(first: int, end: int, bucket_s: int) -> range:
    """The buckets that the ids first <= ordinal < end lie in."""
    return range(bucket_of(first, bucket_s), bucket_of(end - 1, bucket_s) + 1)


def cut(ids: Ids, bucket_s: int) -> Iterator[tuple[int, Ids]]:
    """Ids as the part of each bucket that they lie in."""
    for bucket in buckets_over(ids.first, ids.end, bucket_s):
        first, end = bounds(bucket, bucket_s)
        yield bucket, Ids(ids.node, max(first, ids.first), min(end, ids.end))


def day_of(time_ms: int) -> int:
    """The day (UTC) of an event time."""
    return time_ms // DAY_MS


def packed(batches: Iterable[tuple[int, int]]) -> bytes:
    """(node, start) of the batches of a transaction, in 12 bytes each."""
    return b"".join(_ENTRY.pack(node, start) for node, start in batches)


def unpacked(body: bytes) -> list[tuple[int, int]]:
    return [(node, start) for node, start in _ENTRY.iter_unpack(body)]
