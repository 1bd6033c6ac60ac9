"""What a gateway says it can send, after segments went that the next hop needs nothing of."""

from pathlib import Path

import pytest

from headwater.log.cursors import Cursor, cursor_name, save_cursor
from headwater.log.disk import RealDisk
from headwater.log.writer import NodeLog
from headwater.pipeline.core import Core
from headwater.pipeline.options import GatewayOptions
from headwater.pipeline.sender import FORWARD, NEXT_HAS, Outflow


class Node:
    """A gateway whose first segment has gone: the next hop has up to `next_has`, and gets nothing up to `passed`."""

    def __init__(self, folder: Path, next_has: int, passed: int) -> None:
        self.disk = RealDisk(folder)
        self.log = NodeLog(self.disk, 1, lambda: 1_700_000_000_000)
        self.core = Core(GatewayOptions(node=1, name="a", data=folder, next="b:1"), self.log, lambda: 0)
        self.core.configure(None)
        self.log.roll()
        self.core.configure(2)
        self.log.commit()
        self.log.condemn(self.log.segments[0])
        self.log.sweep()
        save_cursor(self.disk, NEXT_HAS, Cursor(next_has, 0))
        save_cursor(self.disk, FORWARD, Cursor(passed, 0))

    def first(self) -> int:
        """What a Hello says after a restart."""
        return Outflow(self.core, self.disk, self.log.reader(0), lambda _: None).hello().hello.first


@pytest.mark.parametrize("next_has", [0, 1])
def test_what_the_next_hop_needs_nothing_of_is_not_missing_after_a_restart(tmp_path: Path, next_has: int) -> None:
    node = Node(tmp_path, next_has=next_has, passed=2)

    assert node.log.segments[0].first == 3
    assert node.first() == next_has + 1


@pytest.mark.parametrize("content", [None, b"unreadable"])
def test_a_segment_that_went_is_missing_when_nobody_knows_whether_it_was_sent(
    tmp_path: Path, content: bytes | None
) -> None:
    node = Node(tmp_path, next_has=1, passed=2)
    if content is None:
        node.disk.unlink(cursor_name(NEXT_HAS))
    else:
        node.disk.replace(cursor_name(NEXT_HAS), content)

    assert node.first() == 3
