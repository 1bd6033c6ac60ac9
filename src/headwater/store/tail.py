"""The unsealed block of a period: gives out bids and keeps spans until the block is full."""

from headwater.store.ingest import Keyed, Postings, postings
from headwater.store.period import BLOCK_BATCHES


class Tail:
    """What the next batch's bid is, and what the block it falls into already holds."""

    def __init__(self, bid: int, keyed: list[Keyed]) -> None:
        self._bid = bid
        self._keyed = keyed
        """The block's batches with keys."""

    def add(self, keyed: Keyed | None) -> tuple[int, Postings | None]:
        """The bid of the next batch, and the postings of its block when that is now full."""
        bid = self._bid
        self._bid += 1
        if keyed is not None:
            self._keyed.append(keyed)
        return bid, None if self._bid % BLOCK_BATCHES else self._sealed(bid // BLOCK_BATCHES)

    def seal(self) -> Postings | None:
        """The postings of a block that is to stay incomplete."""
        return self._sealed(self._bid // BLOCK_BATCHES) if self._bid % BLOCK_BATCHES else None

    def _sealed(self, block: int) -> Postings:
        keyed, self._keyed = self._keyed, []
        return postings(block, keyed)
