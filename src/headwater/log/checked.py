"""Small files that are written whole and twice, each copy with its checksum: one flipped bit takes nothing."""

import zlib

from headwater.log.disk import Disk


def replace_checked(disk: Disk, name: str, line: bytes) -> None:
    """Put a line of text in place of the file's old content, durably."""
    disk.replace(name, (b"%s %08x\n" % (line, zlib.crc32(line))) * 2)


def read_whole(disk: Disk, name: str) -> bytes:
    """A file that another process may replace at any moment, as it was before or after that; NotFound."""
    size = disk.size(name)
    while len(data := disk.read(name, 0, size + 1)) > size:
        size = max(disk.size(name), len(data))
    return data


def read_checked(disk: Disk, name: str) -> bytes | None:
    """The line, None when neither copy can be read; NotFound when there is no such file."""
    data = read_whole(disk, name)
    for copy in (data[: len(data) // 2], data[len(data) // 2 :]):
        line, _, crc = copy[:-1].rpartition(b" ")
        if line and crc == b"%08x" % zlib.crc32(line):
            return line
    return None
