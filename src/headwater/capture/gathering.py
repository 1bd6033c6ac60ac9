"""Values that have their ids and are not in the log yet: several batches side by side, each with a block of ids.

A batch holds what one maker made, in the order of the calls. Batches go to the log in the order of their ids, and what
a value was made from always has a lower id: so wherever the log is cut, it holds no value without its inputs.
"""

from collections.abc import Callable
from typing import NamedTuple

from headwater.model.ids import IdRun
from headwater.model.records import Kind

READINGS = 1024
"""The most values in a batch, and the ids set aside for each."""
BATCHES_MAX = 64
"""The most batches side by side."""
RUNS_MAX = 65_536
"""The most runs of inputs that wait, over all batches, unless one value alone has more."""


class Maker(NamedTuple):
    """What the values of one batch have in common."""

    kind: Kind
    context: bytes
    contribution: str = ""
    """Of the inputs of derived values."""


class Value(NamedTuple):
    """One value; `number` is that of its series in the log."""

    number: int
    timestamp: int
    value: float
    inputs: tuple[IdRun, ...] = ()
    trace: bytes = b""
    """The W3C trace that it belongs to."""


class OpenBatch:
    """Values of one maker, with ids from `start` on."""

    def __init__(self, maker: Maker, start: int) -> None:
        self.maker = maker
        self.start = start
        self.values: list[Value] = []
        self.received_ms = 0
        """When the first value came."""

    @property
    def next(self) -> int:
        """The ordinal of the next value's id."""
        return self.start + len(self.values)

    def run(self, node: int) -> IdRun:
        """The ids of its values."""
        return IdRun(node, self.start, len(self.values))


class Gathering:
    """The open batches. `allocate` gives the first of so many ids that rise from call to call."""

    def __init__(self, allocate: Callable[[int], int], now_ms: Callable[[], int]) -> None:
        self._allocate = allocate
        self._now_ms = now_ms
        self._batches: dict[Maker, OpenBatch] = {}
        """By maker, in the order of their ids."""
        self._makers: list[Maker] = []
        """Those to open batches for at once, so that the next values find theirs in an order that suits them."""
        self._put_last: Maker | None = None
        self._runs = 0

    @property
    def empty(self) -> bool:
        """Whether no value waits."""
        return not any(batch.values for batch in self._batches.values())

    def add(self, maker: Maker, value: Value, behind: int) -> int | None:
        """Take a value made from ids up to the ordinal `behind`; the ordinal of its id.

        None when no batch can take it before the present ones are taken out.
        """
        batch = self._batch_for(maker, behind)
        if batch is None or (self._runs and self._runs + len(value.inputs) > RUNS_MAX):
            return None
        if not batch.values:
            batch.received_ms = self._now_ms()
        ordinal = batch.next
        batch.values.append(value)
        self._runs += len(value.inputs)
        return ordinal

    def _batch_for(self, maker: Maker, behind: int) -> OpenBatch | None:
        if not self._batches:
            for earlier in self._makers:
                self._open(earlier)
        batch = self._batches.get(maker)
        if batch is None:
            return self._open(maker) if len(self._batches) < BATCHES_MAX else None
        if batch.next <= behind:
            self._put_last = maker
            return None
        return batch if len(batch.values) < READINGS else None

    def _open(self, maker: Maker) -> OpenBatch:
        batch = self._batches[maker] = OpenBatch(maker, self._allocate(READINGS))
        return batch

    def take(self) -> list[OpenBatch]:
        """The batches with values, by their ids; nothing is left."""
        taken = [batch for batch in self._batches.values() if batch.values]
        if len(self._batches) >= BATCHES_MAX:
            self._makers = []
        elif self._put_last is None:
            self._makers = [batch.maker for batch in taken]
        else:
            self._makers = [*(maker for maker in self._batches if maker != self._put_last), self._put_last]
        self._batches, self._put_last, self._runs = {}, None, 0
        return taken

    def given(self, ordinal: int) -> bool:
        """Whether an id was given out, as far as the open batches tell: what is before them may have been."""
        for batch in reversed(self._batches.values()):
            if ordinal >= batch.start:
                return ordinal < batch.next
        return True
