"""Names of the cards of a lineage: the same in every address, whatever else is drawn. Pure.

6b022b9c00031f000001            a data point
6b022b9c00031f000001.b          what it was made from, as one card (f: what it went into)
6b022b9c00031f000001.b.0-1250   some of that, in its order
6b022b9c00031f000001.b~2        what those were made from in their turn: the second card of that
6b022b9c00031f000001~           the nodes that passed it on unchanged, beginning with this one
"""

import re
from typing import NamedTuple

ID_DIGITS = 20

_KEY = re.compile(r"([0-9a-f]{20})(?:\.([bf])(?:\.([0-9]{1,7})-([0-9]{1,7}))?((?:~[0-9]{1,3}){0,200}))?(~)?", re.ASCII)


class Key(NamedTuple):
    """A key, taken apart."""

    text: str
    id: str
    direction: str | None
    """b or f; None for a data point."""
    part: tuple[int, int] | None
    is_chain: bool
    """Nodes that passed something on."""

    @property
    def forward(self) -> bool:
        return self.direction == "f"


def parse_key(text: str) -> Key | None:
    """A key that can be opened; None when it is none."""
    match = _KEY.fullmatch(text)
    if match is None or (match[5] and not match[6]):
        return None
    part = (int(match[3]), int(match[4])) if match[3] else None
    return Key(text, match[1], match[2], part, match[6] is not None)


def group_key(id: str, forward: bool) -> str:
    return f"{id}.{'f' if forward else 'b'}"


def part_key(id: str, forward: bool, first: int, last: int) -> str:
    return f"{group_key(id, forward)}.{first}-{last}"


def behind_key(key: str, number: int) -> str:
    """The card `number`, from 1 on, of what the data points of a group lead on to."""
    return f"{key}~{number}"


def chain_key(key: str) -> str:
    return f"{key}~"
