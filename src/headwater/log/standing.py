"""How a node stands, as its pipeline daemon shows it to whoever reads its log."""

import msgspec

from headwater.log.checked import read_whole
from headwater.log.disk import Disk
from headwater.model.errors import NotFound
from headwater.model.report import Board

RECEIVED = "received"
"""Readings that came in and are logged."""
SENT = "sent"
"""Readings acknowledged by the next hop."""
ACKNOWLEDGED = "acknowledged"
"""Last sequence that the next hop has."""
PROGRESS = "progress"
"""When the daemon last did its rounds, ms since the epoch."""
BOARD = "board"
"""The note of model.report.Board."""
COUNTS = "counts"
LINKS_MAX = 500

_encode = msgspec.msgpack.Encoder().encode
_board = msgspec.msgpack.Decoder(Board).decode


class Counts(msgspec.Struct, frozen=True):
    """What was refused and lost, per reason, and what an operator should know."""

    refused: dict[str, int] = {}
    dropped: dict[str, int] = {}
    troubles: dict[str, str] = {}
    """What cannot be reached at present, and why."""


def save_counts(disk: Disk, counts: Counts) -> None:
    disk.replace(COUNTS, msgspec.json.encode(counts))


def show_board(disk: Disk, board: Board) -> None:
    """Let other processes see it; only its first links when there are too many."""
    disk.store_note(BOARD, _encode(msgspec.structs.replace(board, links=board.links[:LINKS_MAX])))


def load_board(disk: Disk) -> Board:
    """What the pipeline daemon showed last, also when it is gone; a blank one before it showed anything."""
    try:
        return _board(disk.load_note(BOARD))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Board()


def load_counts(disk: Disk) -> Counts:
    """What was saved last; nothing when there is nothing that can be read."""
    try:
        return msgspec.json.decode(read_whole(disk, COUNTS), type=Counts)
    except (NotFound, msgspec.DecodeError, UnicodeDecodeError):
        return Counts()
