"""The end of a log that is written to: whole groups of records, each synced before the next begins."""

from dataclasses import dataclass, field

from headwater.log.disk import TEMPORARY, AppendFile, Disk
from headwater.log.segments import segment_name
from headwater.log.state import Place
from headwater.log.survey import Segment

_NOWHERE = Place(0, 0, 0)


@dataclass(slots=True)
class Group:
    """Records that go to one segment: one that they begin, with its snapshots first, or the present one."""

    segment: Segment | None = None
    frames: list[bytes] = field(default_factory=list)
    end: Place = _NOWHERE
    """Where the log stands behind the last of them."""

    @property
    def records(self) -> list[bytes]:
        """Without the snapshots."""
        return self.frames if self.segment is None else self.frames[1:]


class Tail:
    """The last segment's file, and how far the log is synced."""

    def __init__(self, disk: Disk, file: AppendFile | None, synced: Place) -> None:
        self._disk = disk
        self._file = file
        self.synced = synced
        self.torn = False
        """Something was written behind the synced records and could not be synced."""

    @property
    def size(self) -> int:
        """Bytes in the last segment's file, whatever they are."""
        return 0 if self._file is None else self._file.size

    def put(self, group: Group) -> None:
        """Write and sync a group; OSError when the disk refuses, and then it may be put again unless `torn`."""
        if group.segment is not None:
            self._create(group)
            group.segment.on_disk = True
        elif group.frames and self._file is not None:
            self.torn = True
            self._file.write(b"".join(group.frames))
            self._file.datasync()
        self.synced, self.torn = group.end, False

    def _create(self, group: Group) -> None:
        """A new segment appears with all of the group durable, or not at all."""
        assert group.segment is not None
        name = segment_name(group.segment.first)
        file = self._disk.create(name + TEMPORARY)
        try:
            file.write(b"".join(group.frames))
            file.datasync()
            self._disk.rename(name + TEMPORARY, name)
        except BaseException:
            file.close()
            raise
        if self._file is not None:
            self._file.close()
        self._file = file

    def close(self) -> None:
        """Give the file up."""
        if self._file is not None:
            self._file.close()
            self._file = None
