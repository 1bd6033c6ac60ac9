"""Data point ids: 10 bytes `seconds (4) | counter (3) | node (3)`, written as 20 hex digits.

Inside, an id is (node, ordinal): the ordinal is `seconds << 24 | counter`, so the ids of a batch are consecutive
integers, across the end of a second too. Node ids are 24-bit integers, written as 6 hex digits.
"""

import re
from typing import NamedTuple

import msgspec

from headwater.model.errors import Rejected

NODE_MAX = 0xFFFFFF
COUNTER_BITS = 24
ORDINAL_MAX = (1 << 56) - 1

_HEX_ID = re.compile(r"[0-9a-f]{20}", re.ASCII)
_HEX_NODE = re.compile(r"[0-9a-f]{6}", re.ASCII)


class DataPointId(NamedTuple):
    """The name of one value at one place."""

    node: int
    ordinal: int

    def __str__(self) -> str:
        return f"{self.ordinal:014x}{self.node:06x}"


class IdRun(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`count` consecutive ids of one node, the first with ordinal `start`."""

    node: int
    start: int
    count: int

    @property
    def end(self) -> int:
        """The ordinal behind the last."""
        return self.start + self.count

    def at(self, position: int) -> DataPointId:
        """The id at a position, 0 <= position < count."""
        if not 0 <= position < self.count:
            raise IndexError(f"position {position} of an id run of {self.count}")
        return DataPointId(self.node, self.start + position)

    def holds(self, point: DataPointId) -> bool:
        return point.node == self.node and self.start <= point.ordinal < self.end

    def part(self, first: int, count: int) -> "IdRun":
        """The `count` ids from position `first` on."""
        return IdRun(self.node, self.start + first, count)


def parse_id(text: str) -> DataPointId:
    """The id that 20 hex digits (either case) name; Rejected("id") on anything else."""
    lower = text.lower()
    if not _HEX_ID.fullmatch(lower):
        raise Rejected("id", f"{text[:40]!r} is not a data point id: 20 hexadecimal digits are needed")
    return DataPointId(int(lower[14:], 16), int(lower[:14], 16))


def parse_node(text: str) -> int:
    """The node that 6 hex digits (either case) name; Rejected("node") on anything else."""
    lower = text.lower()
    if not _HEX_NODE.fullmatch(lower):
        raise Rejected("node", f"{text[:40]!r} is not a node id: 6 hexadecimal digits are needed")
    return int(lower, 16)


def format_node(node: int) -> str:
    return f"{node:06x}"


def first_ordinal(second: int) -> int:
    """The first ordinal of a Unix second."""
    return second << COUNTER_BITS


def valid_run(run: IdRun) -> bool:
    """Whether a run from outside is one that could have been allocated."""
    return 0 <= run.node <= NODE_MAX and 0 <= run.start and 0 < run.count and run.end <= ORDINAL_MAX + 1
