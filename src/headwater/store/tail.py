"""The unsealed block of a period: gives out bids and keeps columns until the block is full."""

import numpy as np
from numpy.typing import NDArray

from headwater.store.ingest import Postings, postings
from headwater.store.period import BLOCK_BATCHES

Columns = tuple[NDArray[np.int64], NDArray[np.int64]]


class Tail:
    """What the next batch's bid is, and what the block it falls into already holds."""

    def __init__(self, bid: int, columns: list[Columns]) -> None:
        self._bid = bid
        self._columns = columns
        """Series codes and event times of the block's batches."""

    def add(self, columns: Columns | None) -> tuple[int, Postings | None]:
        """The bid of the next batch, and the postings of its block when that is now full."""
        bid = self._bid
        self._bid += 1
        if columns is not None:
            self._columns.append(columns)
        return bid, None if self._bid % BLOCK_BATCHES else self._sealed(bid // BLOCK_BATCHES)

    def seal(self) -> Postings | None:
        """The postings of a block that is to stay incomplete."""
        return self._sealed(self._bid // BLOCK_BATCHES) if self._bid % BLOCK_BATCHES else None

    def _sealed(self, block: int) -> Postings:
        columns, self._columns = self._columns, []
        return postings(block, columns)
