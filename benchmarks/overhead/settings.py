"""What is measured: which contexts with which buffers, and for how long."""

from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.grid.load import CONTEXTS

BUFFERS = (1, 5, 10)
LONG_S, SHORT_S, DRAIN_S = 120.0, 20.0, 10.0
LONG = (("none", 10), ("full", 10))


class Setting(NamedTuple):
    """One topology as it is measured."""

    shape: str
    context: str
    buffer: int
    """`BUFFER_CAPACITY`: the least data points whose stamps an agent ships together."""
    seconds: float
    """How long the sensors send."""

    @property
    def name(self) -> str:
        return f"{self.shape}, {self.context}, buffer {self.buffer}"


def settings(
    shapes: Sequence[str], contexts: Sequence[str], buffers: Sequence[int], seconds: float | None
) -> dict[str, list[Setting]]:
    """By shape everything to measure there in a round, in this order; `seconds` for all alike when it is given."""
    return {
        shape: [
            Setting(shape, context, buffer, seconds or (LONG_S if (context, buffer) in LONG else SHORT_S))
            for buffer in buffers
            for context in CONTEXTS
            if context in contexts
        ]
        for shape in shapes
    }
