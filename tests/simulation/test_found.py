"""What the simulation found, each thing once more on its own."""

import pytest

from headwater.agent.shipper import Shipper
from headwater.log.checked import read_checked, replace_checked
from headwater.log.recovery import MARK
from headwater.log.retention import Readers, Retention, RetentionOptions
from headwater.log.writer import LogOptions
from headwater.model.records import Kind, Loss, Why
from tests.pipeline.ends import End, flip
from tests.pipeline.stepping import enter, stepping
from tests.simulation.disk import SimDisk


@pytest.mark.parametrize("line", [b"x", b"a line of text", bytes(range(48, 120))])
def test_no_flipped_bit_takes_a_small_file(line: bytes) -> None:
    """A flip in the line end between the copies made one line of both."""
    disk = SimDisk()
    replace_checked(disk, "small", line)
    for bit in range(8 * disk.size("small")):
        disk.flip("small", bit)
        assert read_checked(disk, "small") == line
        disk.flip("small", bit)


def test_an_agent_ships_what_dropped_records_had_named() -> None:
    """Contexts and series were defined in a segment that went before the agent read it."""
    end = End(1)
    end.take_in(1.0)
    end.log.roll()
    end.take_in(2.0)
    end.commit()
    segment = end.log.segments[0]
    loss = Loss(Why.DROPPED, end.log.log, segment.first, segment.last, 1, whole=(segment.first, segment.last))
    end.log.condemn(segment, after=end.log.append_twice(Kind.LOSS, loss).sequence + 1)
    end.commit()
    end.log.sweep()

    group = Shipper(SimDisk(end.storage), 100).group()

    assert group is not None
    assert {definition.meter for definition in group.shipment.definitions} == {"m"}
    (stamp,) = group.shipment.stamps
    assert stamp.stamp.context in {context.id for context in group.shipment.contexts}


def test_a_start_never_takes_the_record_of_a_drop_for_a_torn_end() -> None:
    """A record in front of it was flipped, the power went, and an old mark said that nothing there was synced."""
    end = End(1)
    end.take_in(1.0)
    end.log.roll()
    end.take_in(2.0)
    end.commit()
    marked = end.storage.words[MARK]
    flipped = end.take_in(3.0).sequence
    segment = end.log.segments[0]
    loss = Loss(Why.DROPPED, end.log.log, segment.first, segment.last, 1, whole=(segment.first, segment.last))
    end.log.condemn(segment, after=end.log.append_twice(Kind.LOSS, loss).sequence + 1)
    end.commit()
    end.log.sweep()
    flip(end, flipped)
    end.storage.words[MARK] = marked
    end.restart()

    assert loss in end.losses()
    assert [(named.why, named.first) for named in end.losses()][-1] == (Why.DAMAGED, flipped)


def test_a_step_that_holds_the_oldest_segment_may_always_go_on() -> None:
    """It waited for room that nothing but itself could make."""
    end = stepping(log_options=LogOptions(segment_bytes=1000, log_bytes_max=12_000))
    retention = Retention(end.log, RetentionOptions(log_bytes_max=12_000, reserve_bytes_min=500), lambda: end.clock_ms)
    for second in range(60):
        enter(end, (second, 1.0))
    last = end.log.durable
    retention.tick(Readers(steps=0, agent=last))
    assert retention.room_for_step()

    retention.readers = Readers(steps=last, agent=last)
    assert not retention.room_for_step()


def test_a_node_that_starts_over_and_over_does_not_fill_its_log() -> None:
    """Each start logged anew that the next hop had not said who it is, and then who it is."""
    end = End(1, next="b:1")
    end.core.configure(None)
    end.core.configure(2)
    before = len(end.records(Kind.CONFIG))
    for _ in range(3):
        end.restart()
        end.core.configure(None)
        end.core.configure(2)

    assert len(end.records(Kind.CONFIG)) == before
