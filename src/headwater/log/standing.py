"""How a node stands, in numbers that its pipeline daemon shares with whoever reads its log."""

import msgspec

from headwater.log.checked import read_whole
from headwater.log.disk import Disk
from headwater.model.errors import NotFound

RECEIVED = "received"
"""Readings that came in and are logged."""
SENT = "sent"
"""Readings acknowledged by the next hop."""
ACKNOWLEDGED = "acknowledged"
"""Last sequence that the next hop has."""
PROGRESS = "progress"
"""When the daemon last did its rounds, ms since the epoch."""
COUNTS = "counts"


class Counts(msgspec.Struct, frozen=True):
    """What was refused and lost, per reason, and what an operator should know."""

    refused: dict[str, int] = {}
    dropped: dict[str, int] = {}
    troubles: dict[str, str] = {}
    """What cannot be reached at present, and why."""


def save_counts(disk: Disk, counts: Counts) -> None:
    disk.replace(COUNTS, msgspec.json.encode(counts))


def load_counts(disk: Disk) -> Counts:
    """What was saved last; nothing when there is nothing that can be read."""
    try:
        return msgspec.json.decode(read_whole(disk, COUNTS), type=Counts)
    except (NotFound, msgspec.DecodeError, UnicodeDecodeError):
        return Counts()
