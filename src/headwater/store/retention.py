"""How long the embedded store keeps stamps: which sealed periods go, a pure decision."""

from collections.abc import Sequence
from typing import NamedTuple

AGE, SIZE, ASKED = "age", "size", "asked"
"""Why a period went."""
WHY = {AGE: "older than keep_days", SIZE: "the store had more than bytes_max", ASKED: "by hand"}


class Keep(NamedTuple):
    """What an operator decides; None keeps for ever."""

    keep_ms: int | None = None
    bytes_max: int | None = None


class Sealed(NamedTuple):
    """A period that may go."""

    number: int
    ended_ms: int
    """When the next one began: nothing in it arrived later."""
    bytes: int


def decide(sealed: Sequence[Sealed], used_bytes: int, keep: Keep, now_ms: int) -> list[tuple[int, str]]:
    """The periods that go, with the reason, of all sealed ones, oldest first; `used_bytes` is what the store takes.

    The open period never goes, and no period before an older one.
    """
    gone: list[tuple[int, str]] = []
    for period in sealed:
        if keep.keep_ms is not None and now_ms - period.ended_ms >= keep.keep_ms:
            gone.append((period.number, AGE))
        elif keep.bytes_max is not None and used_bytes > keep.bytes_max:
            gone.append((period.number, SIZE))
        else:
            break
        used_bytes -= period.bytes
    return gone
