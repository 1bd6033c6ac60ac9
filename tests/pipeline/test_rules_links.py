"""PROTOCOL rules 7 to 11, one by one: each test fails when its rule is left away."""

import random

import msgspec
import pytest

from headwater.model.errors import Rejected
from headwater.model.records import Jump, Kind, Loss, Why
from headwater.model.stamp import Origin, OriginKind, Same
from headwater.wire import headwater_pb2 as pb
from tests.pipeline.ends import (
    SOURCE,
    UPSTREAM,
    End,
    Wire,
    connect,
    definition,
    from_source,
    record,
    send,
    source,
    travel,
)


def gateway(node: int = 1) -> End:
    return End(node, next="next:1")


def drop_first_segment(end: End) -> Loss:
    """Drop the oldest segment as retention does, its readings never sent; the loss that names it."""
    segment = end.log.segments[0]
    first, last = segment.first, segment.last
    loss = Loss(Why.DROPPED, end.log.log, first, last, segment.readings, link=((first, last),), whole=(first, last))
    end.log.condemn(segment, after=end.log.append_twice(Kind.LOSS, loss).sequence + 1)
    return loss


class TestRule7:
    """Hello and Welcome; a later connection ends an earlier one; Welcome is authoritative; records go in order."""

    def test_a_later_connection_ends_the_earlier_one(self) -> None:
        """Rule 7: a Welcome ends every earlier connection of that log."""
        end = End()
        earlier = connect(end)
        connect(end)

        with pytest.raises(Rejected, match="a later connection of this log or source has taken over"):
            send(earlier, record(1, body=travel(1.0)))

        assert earlier.ended
        assert end.values() == []

    def test_a_later_connection_of_a_source_ends_the_earlier_one(self) -> None:
        """Rule 7, for sources."""
        end = End()
        earlier = source(end)
        source(end)

        with pytest.raises(Rejected, match="superseded"):
            from_source(earlier, 1, 1.0)

        assert end.values() == []

    def test_closing_an_earlier_connection_does_not_end_the_later_one(self) -> None:
        """Rule 7: the server may notice the end of a broken connection long after."""
        end = End()
        earlier, later = connect(end), connect(end)
        earlier.close()

        assert not later.ended

    def test_the_welcome_is_obeyed_even_below_what_was_acknowledged(self) -> None:
        """Rule 7: a receiver that lost the end of its log gets it again."""
        sender, target = gateway(), End(2)
        sender.take_in(1.0)
        sender.take_in(2.0)
        sender.commit()
        outflow = sender.outflow()
        Wire(outflow, target).run()
        assert target.values() == [1.0, 2.0]

        replacement = End(2)
        Wire(outflow, replacement).run()

        assert replacement.values() == [1.0, 2.0]

    def test_the_welcome_says_what_is_durable_and_nothing_more(self) -> None:
        """Rule 7: what is not synced would be taken back by a power loss."""
        end = End()
        inflow = connect(end)
        send(inflow, record(1, body=travel(1.0)))

        assert inflow.welcome().welcome.durable == inflow.durable == 0
        end.commit()
        assert inflow.welcome().welcome.durable == inflow.durable == 1

    def test_older_records_are_ignored(self) -> None:
        """Rule 7: what comes again is not logged again, and is no error."""
        end = End()
        inflow = connect(end)
        send(inflow, record(1, body=travel(1.0)), record(2, body=travel(2.0, number=2)))
        assert send(inflow, record(1, body=travel(1.0)), record(2, body=travel(2.0, number=2), previous=0)) == []

        assert end.values() == [1.0, 2.0]
        assert end.core.refused["duplicate"] == 0

    def test_each_record_names_the_one_sent_before_it(self) -> None:
        """Rule 7: sequences may be skipped, for some records stay at home; but a record may not be."""
        end = End()
        inflow = connect(end)
        send(inflow, record(4, body=travel(1.0), previous=0), record(9, body=travel(2.0, number=2), previous=4))

        with pytest.raises(Rejected, match="order"):
            send(inflow, record(20, body=travel(4.0, number=4), previous=15))

        assert end.values() == [1.0, 2.0]

    def test_what_a_sender_sends_names_the_record_before(self) -> None:
        """Rule 7: the other end of the same promise."""
        sender, target = gateway(), End(2)
        sender.take_in(1.0)
        sender.take_in(2.0)
        sender.commit()
        wire = Wire(sender.outflow(), target)
        wire.run()

        sent = [found for up in wire.sent for found in up.records.record]
        places = [found.sequence - (found.previous or 1) for found in sent]
        assert places == [0, *(found.sequence for found in sent[:-1])]


class TestRule8:
    """Gaps are logged and passed; a receiver ahead of its sender is an alarm."""

    def test_what_a_sender_no_longer_has_is_named_and_the_link_goes_on(self) -> None:
        """Rule 8: refusing would hang the link."""
        end = End()
        inflow = connect(end, first=5)

        assert end.losses() == [Loss(Why.GAP, UPSTREAM, 1, 4)]
        assert inflow.welcome().welcome.durable == 4
        send(inflow, record(5, Kind.DEFINITION, definition()), record(6, body=travel(1.0)))
        assert end.values() == [1.0]

    def test_readings_that_a_source_no_longer_has_are_named_and_counted(self) -> None:
        """Rule 8, for sources."""
        end = End()
        inflow = source(end, first=8)
        from_source(inflow, 8, 8.0)

        assert end.losses() == [Loss(Why.GAP, SOURCE, 1, 7, 7)]
        assert end.values() == [8.0]

    def test_nothing_is_called_missing_that_is_still_there(self) -> None:
        """Rule 8: only what lies between the receiver's position and the sender's first record."""
        end = End()
        send(connect(end), record(3, body=travel(1.0), previous=0))

        connect(end, first=2)
        connect(end, first=4)

        assert end.losses() == []

    def test_a_receiver_ahead_of_its_sender_is_an_alarm_on_both_sides(self) -> None:
        """Rule 8: the sender lost synced data, or two nodes share a log id."""
        sender, end = gateway(), End(2)
        send(connect(end, log=sender.log.log, node=1), record(1000, body=travel(1.0), previous=0))

        with pytest.raises(Rejected, match="lost synced data"):
            Wire(sender.outflow(), end)
        with pytest.raises(Rejected, match="ahead"):
            sender.outflow().take(pb.Down(welcome=pb.Welcome(version=1, node=b"\0\0\2", durable=1000)))

    def test_what_was_dropped_unsent_is_named_before_what_follows_it(self) -> None:
        """Rules 8 and 12: without a word the next hop would take readings of series whose definition went."""
        sender, target = gateway(), End(2)
        sender.take_in(1.0)
        sender.log.roll()
        sender.take_in(2.0)
        sender.commit()
        loss = drop_first_segment(sender)
        wire = Wire(sender.outflow(), target)
        sender.commit()
        wire.run()

        assert target.losses() == [Loss(Why.GAP, sender.log.log, loss.first, loss.last), loss]
        assert target.values() == [2.0]
        assert target.log.state.series[sender.log.log, 1].meter == "m"

    def test_what_was_dropped_is_passed_only_once_that_is_durable(self) -> None:
        """Rules 8 and 14: a kill would otherwise leave it undropped here, and passed over there."""
        sender, target = gateway(), End(2)
        sender.take_in(1.0)
        sender.log.roll()
        sender.take_in(2.0)
        sender.commit()
        drop_first_segment(sender)

        wire = Wire(sender.outflow(), target)
        wire.run()
        assert target.values() == []

        sender.restart()
        Wire(sender.outflow(), target).run()
        assert target.values() == [1.0, 2.0]

    def test_sequences_that_were_never_used_are_no_loss(self) -> None:
        """Rules 3 and 8: a jump is not a gap."""
        sender, target = gateway(), End(2)
        sender.take_in(1.0)
        unused = Jump(sender.log.state.sequence + 1, 4999)
        sender.log.state.sequence = unused.last
        sender.log.append(Kind.JUMP, unused)
        sender.take_in(2.0)
        wire = Wire(sender.outflow(), target)
        sender.commit()
        wire.run()

        assert target.values() == [1.0, 2.0]
        assert target.losses() == []


class TestRule9:
    """Records stay as they are; the window is in bytes; one record of any size may be under way."""

    def test_a_window_of_bytes_is_under_way_and_no_more(self) -> None:
        """Rule 9: what is not acknowledged is bounded."""
        sender, target = gateway(), End(2)
        for value in range(200):
            sender.take_in(*[float(value)] * 50)
        sender.commit()
        wire = Wire(sender.outflow(window_bytes=4_000), target)
        wire.run(acknowledge=False)
        held = sum(up.ByteSize() for up in wire.sent)

        assert target.values() == [float(value) for value in range(len(target.batches())) for _ in range(50)]
        assert 0 < len(target.batches()) < 150
        wire.acknowledge()
        wire.run()
        assert len(target.batches()) == 200
        assert held < 100_000

    def test_one_record_of_any_size_may_be_under_way(self) -> None:
        """Rule 9: or a record larger than the window would hang the link."""
        sender, target = gateway(), End(2)
        sender.take_in(*[random.Random(1).random() for _ in range(500)])
        sender.commit()
        Wire(sender.outflow(window_bytes=10), target).run()

        assert len(target.values()) == 500

    def test_a_forwarded_payload_is_byte_for_byte_what_entered(self) -> None:
        """Rule 9: a logged record is never re-cut or merged."""
        sender, middle, end = gateway(1), gateway(2), End(3)
        for count in (1, 7, 300):
            sender.take_in(*[float(value) for value in range(count)])
        sender.commit()
        Wire(sender.outflow(), middle).run()
        Wire(middle.outflow(), end).run()

        assert [batch.payload for batch in end.batches()] == [batch.payload for batch in sender.batches()]
        assert [batch.count for batch in end.batches()] == [1, 7, 300]

    def test_how_many_records_go_into_a_message_changes_nothing(self) -> None:
        """Rule 9: only the packaging varies."""
        one, many = End(2), End(3)
        records = [record(at, body=travel(float(at), number=at)) for at in range(1, 9)]
        for found in records:
            send(connected := connect(one), found)
            connected.close()
        send(connect(many), *records)

        assert one.values() == many.values() == [float(at) for at in range(1, 9)]


class TestRule10:
    """Origins are kept, and refused where they are already."""

    def test_forwarding_keeps_the_origin(self) -> None:
        """Rule 10: duplicates and first stamps are found by it, at any hop."""
        sender, middle, end = gateway(1), gateway(2), End(3)
        sender.take_in(1.0, 2.0)
        sender.commit()
        Wire(sender.outflow(), middle).run()
        Wire(middle.outflow(), end).run()

        assert [batch.origin for batch in end.batches()] == [Origin(OriginKind.SOURCE, SOURCE, 1)]

    @pytest.mark.parametrize("kind", [OriginKind.SOURCE, OriginKind.ENTRY, OriginKind.STEP])
    def test_an_endpoint_refuses_an_origin_that_it_has(self, kind: int) -> None:
        """Rule 10: however a batch comes, it is there once."""
        end = End()
        inflow = connect(end)
        batch = msgspec.structs.replace(travel(1.0, 2.0), origin=Origin(kind, SOURCE, 6, 1, 0))
        send(inflow, record(1, body=batch), record(2, body=batch))

        assert end.values() == [1.0, 2.0]
        assert end.core.refused["duplicate"] == 2

    def test_a_refused_duplicate_still_moves_the_position_and_is_acknowledged(self) -> None:
        """Rule 10: or the sender would offer it for ever."""
        end = End()
        inflow = connect(end)
        send(inflow, record(1, body=travel(1.0)), record(2, body=travel(1.0)))
        end.commit()

        assert inflow.durable == 2
        end.restart()
        assert connect(end).durable == 2

    def test_of_a_batch_that_is_here_in_part_only_the_rest_is_taken(self) -> None:
        """Rule 10: readings are counted, so a batch may overlap what came by another way."""
        end = End()
        inflow = connect(end)
        send(inflow, record(1, body=travel(1.0, 2.0)), record(2, body=travel(2.0, 3.0, 4.0, number=2)))

        assert end.values() == [1.0, 2.0, 3.0, 4.0]
        rest = end.batches()[1]
        assert rest.origin.number == 3
        assert rest.stamp is not None
        assert rest.stamp.inputs == Same(travel(2.0, 3.0, 4.0, number=2).run.part(1, 2))  # type: ignore[union-attr]

    def test_an_endpoint_still_has_its_origins_after_segments_went_and_a_restart(self) -> None:
        """Rule 10: snapshots hold them."""
        end = End()
        send(connect(end), record(1, body=travel(1.0)))
        end.log.roll()
        end.commit()
        end.log.condemn(end.log.segments[0])
        end.log.sweep()
        end.restart()
        assert end.values() == []

        send(connect(end), record(2, body=travel(1.0), previous=1))

        assert end.values() == []
        assert end.core.refused["duplicate"] == 1

    def test_a_gateway_in_between_refuses_nothing(self) -> None:
        """Rule 10: endpoint and steps refuse; what a gateway forwards twice is sorted out there."""
        middle = gateway()
        inflow = connect(middle)
        send(inflow, record(1, body=travel(1.0)), record(2, body=travel(1.0)))

        assert middle.values() == [1.0, 1.0]


class TestRule11:
    """Sources count readings."""

    def test_a_source_goes_on_in_the_middle_of_a_message(self) -> None:
        """Rule 11: a record may end anywhere in one of its messages."""
        end = End()
        from_source(source(end), 1, 1.0, 2.0, 3.0)
        inflow = source(end)
        assert inflow.durable == 3

        from_source(inflow, 2, 2.0, 3.0, 4.0, 5.0)

        assert end.values() == [1.0, 2.0, 3.0, 4.0, 5.0]
        assert [batch.origin.number for batch in end.batches()] == [1, 4]

    def test_readings_that_are_all_here_are_not_taken_again(self) -> None:
        """Rule 11: a source that did not hear the acknowledgement sends them again."""
        end = End()
        from_source(source(end), 1, 1.0, 2.0)
        from_source(source(end), 1, 1.0, 2.0)

        assert end.values() == [1.0, 2.0]

    def test_what_is_acknowledged_to_a_source_is_durable(self) -> None:
        """Rules 1 and 11: a source forgets what is acknowledged."""
        end = End()
        inflow = source(end)
        from_source(inflow, 1, 1.0, 2.0)

        assert inflow.durable == 0
        end.commit()
        assert inflow.durable == 2
