"""Small files that are written whole and twice, each copy with its checksum: one flipped bit takes nothing."""

import zlib

from headwater.log.disk import Disk


def replace_checked(disk: Disk, name: str, line: bytes) -> None:
    """Put a line of text in place of the file's old content, durably."""
    disk.replace(name, (b"%s %08x\n" % (line, zlib.crc32(line))) * 2)


def read_checked(disk: Disk, name: str) -> bytes | None:
    """The line, None when neither copy can be read; NotFound when there is no such file."""
    data = disk.read(name, 0, disk.size(name))
    for copy in (data[: len(data) // 2], data[len(data) // 2 :]):
        line, _, crc = copy[:-1].rpartition(b" ")
        if line and crc == b"%08x" % zlib.crc32(line):
            return line
    return None
