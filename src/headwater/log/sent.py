"""How far records may have been sent to the next hop, known even after a crash (PROTOCOL rule 14).

A drop takes only what was never sent, or it would name lost what then arrives. In the running process the limit is
exact; the file runs ahead of it, so that it is written seldom.
"""

from headwater.log.cursors import Cursor, cursor_name, decode_cursor, save_cursor
from headwater.log.disk import Disk
from headwater.log.survey import Segment
from headwater.log.writer import NodeLog
from headwater.model.errors import NotFound, Unavailable

SENT = "sent"
AHEAD_MAX = 4096


class SentLimit:
    """Raise it, save it, and only then send.

    With `keep` false, where unsent records are never dropped, no file is kept: should that change later, all that is
    durable then counts as sent. Unavailable when the disk refuses.
    """

    def __init__(self, disk: Disk, log: NodeLog, keep: bool = True) -> None:
        self._disk = disk
        self._log = log
        self._keep = keep
        self.sequence = self._saved = self._load()
        """The last sequence that may have been sent."""
        try:
            if keep:
                save_cursor(disk, SENT, Cursor(self.sequence, 0))
            else:
                disk.unlink(cursor_name(SENT))
        except OSError as error:
            raise Unavailable(f"how far records were sent cannot be saved: {error}") from error

    def _load(self) -> int:
        try:
            held = decode_cursor(self._disk.read(cursor_name(SENT), 0, 64))
        except NotFound:
            held = None
        return self._log.durable if held is None else held.sequence

    @property
    def behind(self) -> bool:
        """Whether the file does not cover the limit: nothing may be sent before `save`."""
        return self._keep and self._saved < self.sequence

    def raise_to(self, sequence: int) -> None:
        """Records up to here are about to be sent: from now on no drop takes one of them."""
        self.sequence = max(self.sequence, sequence)

    def save(self) -> None:
        """Make the limit durable, some way ahead. Blocks; OSError when the disk refuses."""
        if self.behind:
            ahead = self.sequence + self._ahead()
            save_cursor(self._disk, SENT, Cursor(ahead, 0))
            self._saved = ahead

    def _ahead(self) -> int:
        """About a quarter of a segment: after a crash no drop takes those records until they are acknowledged."""
        size = max((_record_bytes(segment) for segment in self._log.segments), default=1)
        return min(AHEAD_MAX, self._log.segment_bytes // 4 // size)


def _record_bytes(segment: Segment) -> int:
    return 1 + (segment.bytes - segment.head_bytes) // max(1, segment.last - segment.first + 1)
