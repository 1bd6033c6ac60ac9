"""Which series have which event times in a block of batches: the index that values are found by. No I/O."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from headwater.store.columns import SERIES_BITS
from headwater.wire.columns import Integers
from headwater.wire.keyparts import Shape
from headwater.wire.spans import Spans


class Keyed(NamedTuple):
    """The spans of a batch, with the catalogue's number of its entry log."""

    entry: int
    spans: Spans


class Block:
    """What is known of the event times in a block, as long as it is not sealed."""

    def __init__(self) -> None:
        self._alike: dict[tuple[int, int], _Alike] = {}

    def add(self, keyed: Keyed) -> int:
        """Take a batch in; answers how many rows that may add to the postings."""
        entry, spans = keyed
        alike = self._alike.get((entry, id(spans.shape)))
        if alike is None:
            self._alike[entry, id(spans.shape)] = _Alike(entry, spans.shape, spans.low.copy(), spans.high.copy())
            return len(spans.shape.series)
        np.minimum(alike.low, spans.low, out=alike.low)
        np.maximum(alike.high, spans.high, out=alike.high)
        return 0

    @property
    def alike(self) -> "Iterable[_Alike]":
        return self._alike.values()


class _Alike(NamedTuple):
    """Batches of one entry and shape: the earliest and the latest event time of each pattern in any of them."""

    entry: int
    shape: Shape
    low: Integers
    high: Integers


class Postings(NamedTuple):
    """The rows of blocks: (series, block, t_min, t_max) for each series in a block, in their order, and the blocks'."""

    rows: list[tuple[int, int, int, int]]
    blocks: list[tuple[int, int | None, int | None]]


def postings(blocks: dict[int, Block]) -> Postings:
    """The rows of blocks by their numbers; series as codes with their entry."""
    columns = [_columns(number, alike) for number, block in blocks.items() for alike in block.alike]
    if not columns:
        return Postings([], [(number, None, None) for number in blocks])
    codes, numbers, low, high = (np.concatenate(column) for column in zip(*columns, strict=True))
    order = np.lexsort((numbers, codes))
    codes, numbers, low, high = codes[order], numbers[order], low[order], high[order]
    changes = (codes[1:] != codes[:-1]) | (numbers[1:] != numbers[:-1])
    starts = np.flatnonzero(np.concatenate(([True], changes)))
    firsts, lasts = np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)
    rows = zip(codes[starts].tolist(), numbers[starts].tolist(), firsts.tolist(), lasts.tolist(), strict=True)
    return Postings(list(rows), [(number, *_times(block)) for number, block in blocks.items()])


def _columns(number: int, alike: _Alike) -> tuple[Integers, Integers, Integers, Integers]:
    """Code, block, earliest and latest event time of each run."""
    entry, shape, low, high = alike
    codes = shape.series + (entry << SERIES_BITS)
    return codes, np.full(len(codes), number), low.take(shape.patterns), high.take(shape.patterns)


def _times(block: Block) -> tuple[int | None, int | None]:
    lows, highs = [int(one.low.min()) for one in block.alike], [int(one.high.max()) for one in block.alike]
    return min(lows, default=None), max(highs, default=None)
