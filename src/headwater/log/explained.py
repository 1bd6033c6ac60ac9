"""What is named missing in a log, and damage found by readers, shared between processes as small files."""

import msgspec

from headwater.log.disk import Disk
from headwater.log.recovery import Missing
from headwater.model.errors import NotFound

EXPLAINED = "explained"
FOUND_PREFIX = "damaged."

_ranges = msgspec.json.Decoder(list[tuple[int, int]])


def save_explained(disk: Disk, ranges: list[tuple[int, int]]) -> None:
    disk.replace(EXPLAINED, msgspec.json.encode(ranges))


def is_explained(disk: Disk, first: int, last: int) -> bool:
    """Whether the writer has named every sequence of the range missing."""
    try:
        ranges = sorted(_ranges.decode(disk.read(EXPLAINED, 0, disk.size(EXPLAINED))))
    except (NotFound, msgspec.DecodeError):
        return False
    at = first
    for low, high in ranges:
        if low <= at <= high:
            at = high + 1
    return at > last


def report_damage(disk: Disk, reader: str, missing: Missing) -> None:
    """Tell the writer what a reader could not read (rule 6)."""
    disk.replace(FOUND_PREFIX + reader, msgspec.json.encode(missing))


def take_reports(disk: Disk) -> list[Missing]:
    """What readers reported since the last time."""
    found = []
    for name in disk.names():
        if name.startswith(FOUND_PREFIX) and not name.endswith(".tmp"):
            try:
                found.append(msgspec.json.decode(disk.read(name, 0, 1024), type=Missing))
            except (NotFound, msgspec.DecodeError):
                continue
            finally:
                disk.unlink(name)
    return found
