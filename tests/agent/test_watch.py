"""What an agent sees of its own node: standing still is measured by looks, and its own pauses count little."""

import msgspec
import pytest

from headwater.agent.beats import Beats
from headwater.agent.watch import PAUSE_MS_MAX, Watch
from headwater.log.recovery import MARK
from headwater.log.standing import BOARD, PROGRESS, load_board, show_board
from headwater.model.report import Board, LinkEnd, Progress
from tests.simulation.disk import SimDisk

LINK = LinkEnd(True, 2, "10.0.0.2:50051", heard_ms=100, stuck_ms=0)
EVERY_MS = 100


class Seen:
    """A node's disk, and the watch on it."""

    def __init__(self) -> None:
        self.disk = SimDisk()
        self.beats = Beats("default", 1, b"1" * 8, 1)
        self.watch = Watch(self.disk, self.beats)
        self.now_ms = 5_000
        self.look()

    def look(
        self, after_ms: int = EVERY_MS, *, shipped: int = 0, moves: bool = False, is_connected: bool = True
    ) -> Progress:
        self.now_ms += after_ms
        if moves:
            self.disk.store_word(PROGRESS, self.now_ms)
        self.watch.look(self.now_ms, shipped, is_connected)
        return self.watch.progress


def test_a_pipeline_daemon_that_makes_its_rounds_stands_still_for_no_time() -> None:
    seen = Seen()
    assert [seen.look(moves=moves).pipeline_ms for moves in (True, False, False, True)] == [0, 100, 200, 0]


def test_a_pause_of_the_agent_counts_little() -> None:
    seen = Seen()
    seen.look(moves=True)
    assert seen.look(60_000).pipeline_ms == PAUSE_MS_MAX
    assert seen.look(60_000, moves=True).pipeline_ms == 0


def test_stamps_wait_from_when_there_are_some_until_the_store_takes_any() -> None:
    seen = Seen()
    seen.disk.store_word(MARK, 10)
    waits = [seen.look(shipped=shipped).unshipped_ms for shipped in (10, 10, 5, 5, 5, 7, 7, 10, 10)]
    assert waits == [0, 0, 0, 100, 200, 0, 100, 0, 0]


def test_stamps_that_wait_for_a_store_that_is_away_wait_for_no_fault_of_the_agent() -> None:
    seen = Seen()
    seen.disk.store_word(MARK, 10)
    assert [seen.look(is_connected=False).unshipped_ms for _ in range(50)] == [0] * 50
    waits = [seen.look(is_connected=is_connected).unshipped_ms for is_connected in (True, True, False, True)]
    assert waits == [100, 200, 200, 300], "a connection that breaks again and again ships nothing either"


def test_what_the_pipeline_daemon_shows_is_passed_on_in_beats() -> None:
    seen = Seen()
    show_board(seen.disk, Board(waiting_ms=1_700, links=(LINK,)))
    seen.look(moves=True)
    assert seen.watch.progress == seen.beats.progress == Progress(0, 1_700, 0)
    assert seen.watch.links == (LINK,)
    assert seen.watch.next_hop() == "10.0.0.2:50051"


def test_links_are_that_much_longer_silent_as_nothing_was_shown_since() -> None:
    seen = Seen()
    ends = (LINK, LinkEnd(True, 3, "b:1", None, stuck_ms=50), LinkEnd(False, 4, heard_ms=0))
    show_board(seen.disk, Board(links=ends))
    seen.look(moves=True)
    for _ in range(3):
        seen.look()
    assert [(end.heard_ms, end.stuck_ms) for end in seen.watch.links] == [(400, 0), (None, 350), (300, 0)]


@pytest.mark.parametrize("text", [b"", b"\xff", b"not a board", msgspec.msgpack.encode(["a", 1])])
def test_a_board_that_cannot_be_read_is_a_blank_one(text: bytes) -> None:
    seen = Seen()
    seen.disk.store_note(BOARD, text)
    seen.look()
    assert load_board(seen.disk) == seen.watch.board == Board()
    assert seen.watch.next_hop() is None


def test_an_endpoint_has_no_next_hop() -> None:
    seen = Seen()
    show_board(seen.disk, Board(links=(LinkEnd(False, 4, "x:1"),)))
    seen.look()
    assert seen.watch.next_hop() is None
