"""What a pipeline daemon shows of itself: what waits, and how long its links are silent."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from headwater.model.report import Board, LinkEnd
from headwater.pipeline.board import MARKS_MAX, PAUSE_MS_MAX, UPSTREAMS_MAX, BoardMaker, Unsent
from headwater.pipeline.sender import Outflow
from tests.pipeline.ends import UPSTREAM, End, Wire, connect

ROUND_MS = 250


class Shown:
    """An end and its board; each look is a round later."""

    def __init__(self, **options: Any) -> None:
        self.end = End(1, **options)
        self.maker = BoardMaker(self.end.core)
        self.outflow: Outflow | None = None
        self.now_ms = 1_000
        self.look()

    def look(self, after_ms: int = ROUND_MS) -> Board:
        self.now_ms += after_ms
        return self.maker.look(self.outflow, self.now_ms)

    def link(self, after_ms: int = ROUND_MS) -> LinkEnd:
        (end,) = self.look(after_ms).links
        return end


def sending() -> tuple[Shown, Wire]:
    """A node with a next hop that is connected."""
    shown = Shown(next="10.0.0.2:50051")
    shown.outflow = shown.end.outflow()
    wire = Wire(shown.outflow, End(2))
    shown.look()
    return shown, wire


def test_input_waits_from_when_it_comes_not_from_when_something_was_last_durable() -> None:
    shown = Shown()
    for _ in range(40):
        assert shown.look().waiting_ms == 0
    shown.end.take_in(1.0)
    assert [shown.look().waiting_ms for _ in range(4)] == [0, 250, 500, 750]
    shown.end.commit()
    assert shown.look().waiting_ms == 0


def test_input_waits_also_while_a_sync_of_it_hangs() -> None:
    shown = Shown()
    shown.end.take_in(1.0)
    waits = [shown.look().waiting_ms]
    shown.end.disk.on_operation = lambda operation: waits.append(shown.look().waiting_ms)
    shown.end.commit()
    assert len(waits) > 2
    assert waits == list(range(0, ROUND_MS * len(waits), ROUND_MS))


def test_input_that_becomes_durable_piece_by_piece_does_not_wait() -> None:
    shown = Shown()
    for _ in range(5):
        shown.end.take_in(1.0)
        shown.end.commit()
        shown.end.take_in(2.0)
        assert shown.look().waiting_ms == 0


def test_intake_that_is_withheld_is_said_from_the_first_look_on() -> None:
    shown = Shown()
    shown.end.core.room = lambda: False
    assert [shown.look().withheld_ms for _ in range(3)] == [1, 250, 500]
    shown.end.core.room = lambda: True
    assert shown.look().withheld_ms == 0


def test_a_pause_of_the_daemon_itself_blames_nobody() -> None:
    shown, _ = sending()
    assert shown.link(3_600_000).heard_ms == PAUSE_MS_MAX
    connected = Shown()
    connected.end.core.room = lambda: False
    connect(connected.end).begin()
    connected.look()
    board = connected.look(3_600_000)
    assert board.withheld_ms == PAUSE_MS_MAX
    assert [end.heard_ms for end in board.links] == [PAUSE_MS_MAX]


def test_each_message_of_the_next_hop_is_a_sign_of_life() -> None:
    shown, wire = sending()
    assert [shown.link().heard_ms for _ in range(2)] == [250, 500]
    wire.acknowledge()
    assert [shown.link().heard_ms for _ in range(2)] == [0, 250]


def test_a_link_is_stuck_while_something_is_under_way_and_nothing_is_acknowledged() -> None:
    shown, wire = sending()
    assert [shown.link().stuck_ms for _ in range(3)] == [0, 0, 0]
    shown.end.take_in(1.0, 2.0)
    shown.end.commit()
    wire.run(acknowledge=False)
    assert [shown.link().stuck_ms for _ in range(3)] == [0, 250, 500]
    wire.acknowledge()
    assert shown.link().stuck_ms == 0


def test_the_books_of_a_link_say_what_is_there_and_how_old_the_rest_is() -> None:
    shown, wire = sending()
    shown.end.take_in(1.0, 2.0)
    shown.end.commit()
    ages = [shown.link().oldest_ms for _ in range(3)]
    wire.run()
    shown.end.take_in(3.0)
    shown.end.commit()
    link = shown.link()
    assert ages == [0, 250, 500]
    assert (link.sent, link.delivered, link.oldest_ms, link.address, link.node) == (3, 2, 0, "10.0.0.2:50051", 2)


def test_an_upstream_is_silent_from_its_last_message_also_when_it_is_gone() -> None:
    shown = Shown()
    inflow = connect(shown.end)
    inflow.begin()
    assert [shown.link().heard_ms for _ in range(2)] == [0, 250]
    inflow.messages += 1
    assert [shown.link().heard_ms for _ in range(2)] == [0, 250]
    inflow.close()
    assert shown.link() == LinkEnd(False, 7, heard_ms=500)
    connect(shown.end).begin()
    assert shown.link().heard_ms == 0


def test_upstreams_that_come_and_go_are_bounded_and_those_there_stay() -> None:
    shown = Shown()
    connect(shown.end, log=UPSTREAM, node=7).begin()
    for node in range(100, 100 + UPSTREAMS_MAX + 50):
        inflow = connect(shown.end, log=node.to_bytes(8, "big"), node=node)
        inflow.begin()
        if node % 2:
            shown.look()
        inflow.close()
    links = shown.look().links
    assert len(links) <= UPSTREAMS_MAX
    assert 7 in [end.node for end in links]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 8)), max_size=60))
def test_the_oldest_unsent_reading_is_as_old_as_it_is(rounds: list[tuple[int, int]]) -> None:
    unsent, logged_at, done = Unsent(), [], 0
    for at, (came, went) in enumerate(rounds):
        logged_at += [at] * came
        done = min(done + went, len(logged_at))
        expected = ROUND_MS * (at - logged_at[done]) if done < len(logged_at) else 0
        assert unsent.look(len(logged_at), done, ROUND_MS * at) == expected


def test_ages_of_a_long_outage_are_bounded_in_memory_and_rough_only_at_the_old_end() -> None:
    unsent = Unsent()
    for at in range(20 * MARKS_MAX):
        assert unsent.look(at + 1, 0, ROUND_MS * at) == ROUND_MS * at
        assert len(unsent._marks) <= MARKS_MAX
    ages = [unsent.look(20 * MARKS_MAX, done, ROUND_MS * 20 * MARKS_MAX) for done in range(0, 20 * MARKS_MAX, 500)]
    assert ages == sorted(ages, reverse=True)
    assert unsent.look(20 * MARKS_MAX, 20 * MARKS_MAX, ROUND_MS * 20 * MARKS_MAX) == 0


def test_nothing_waits_after_a_restart() -> None:
    end = End(1)
    end.take_in(1.0)
    end.commit()
    end.take_in(2.0)
    end.restart()
    maker = BoardMaker(end.core)
    assert [maker.look(None, at_ms).waiting_ms for at_ms in (0, 250, 500)] == [0, 0, 0]
