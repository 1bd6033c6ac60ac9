"""What is named missing in a log, and damage found by readers, shared between processes as small files."""

import msgspec

from headwater.log.checked import read_checked, replace_checked
from headwater.log.disk import TEMPORARY, Disk
from headwater.log.ranges import Ranges, covers
from headwater.log.survey import Missing
from headwater.model.errors import NotFound

EXPLAINED = "explained"
FOUND_PREFIX = "damaged."

_ranges = msgspec.json.Decoder(Ranges)
_report = msgspec.json.Decoder(tuple[int, int])


def save_explained(disk: Disk, ranges: Ranges) -> None:
    """Tell readers in other processes what is named missing."""
    replace_checked(disk, EXPLAINED, msgspec.json.encode(ranges))


def is_explained(disk: Disk, first: int, last: int) -> bool:
    """Whether the writer has named every sequence of the range missing."""
    try:
        line = read_checked(disk, EXPLAINED)
        return line is not None and covers(_ranges.decode(line), first, last)
    except (NotFound, msgspec.DecodeError, UnicodeDecodeError):
        return False


def report_damage(disk: Disk, reader: str, missing: Missing) -> None:
    """Tell the writer what a reader could not read (rule 6). Tell it again while nothing changes: a report may be
    overlooked."""
    replace_checked(disk, FOUND_PREFIX + reader, msgspec.json.encode((missing.first, missing.last)))


def take_reports(disk: Disk) -> list[Missing]:
    """What readers reported since the last time."""
    found = []
    for name in disk.names():
        if not name.startswith(FOUND_PREFIX) or name.endswith(TEMPORARY):
            continue
        try:
            found.append(Missing(*_report.decode(read_checked(disk, name) or b"")))
        except (NotFound, msgspec.DecodeError, UnicodeDecodeError):
            continue
        finally:
            disk.unlink(name)
    return found
