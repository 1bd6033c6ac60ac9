"""The unsealed blocks of a period: gives out bids, and says when the postings of full blocks are to be written."""

from headwater.store.period import BLOCK_BATCHES
from headwater.store.postings import Block, Keyed, Postings, postings

SEAL_EVERY_MS = 1000
"""Postings of a series lie together: those of many blocks are written at once, for little more than those of one."""
WAITING_BLOCKS_MAX = 16
WAITING_ROWS_MAX = 100_000


class Tail:
    """What the next batch's bid is, and what the blocks hold that no postings are stored of."""

    def __init__(self, block: int) -> None:
        """`block` is the first one without postings."""
        self._bid = block * BLOCK_BATCHES
        self._full: dict[int, Block] = {}
        self._open = Block()
        self._rows = 0
        self._sealed_ms: int | None = None

    def add(self, keyed: Keyed | None) -> int:
        """The bid of the next batch."""
        bid = self._bid
        self._bid += 1
        if keyed is not None:
            self._rows += self._open.add(keyed)
        if self._bid % BLOCK_BATCHES == 0:
            self._full[bid // BLOCK_BATCHES], self._open = self._open, Block()
        return bid

    def due(self, now_ms: int) -> Postings | None:
        """The postings of all full blocks, when some have waited or they are many."""
        late = self._sealed_ms is None or abs(now_ms - self._sealed_ms) >= SEAL_EVERY_MS
        many = len(self._full) >= WAITING_BLOCKS_MAX or self._rows >= WAITING_ROWS_MAX
        if not self._full or not (late or many):
            return None
        found, self._full = postings(self._full), {}
        self._rows, self._sealed_ms = 0, now_ms
        return found

    def rest(self) -> Postings:
        """The postings of all blocks, the last of which is to stay incomplete."""
        if self._bid % BLOCK_BATCHES:
            self._full[self._bid // BLOCK_BATCHES] = self._open
        return postings(self._full)
