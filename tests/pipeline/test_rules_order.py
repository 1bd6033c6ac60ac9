"""PROTOCOL rules 12, 13 and 17, one by one: names, order and stamps; each test fails when its rule is left away."""

from headwater.model.records import Definition, Kind
from headwater.wire.codec import decode
from tests.pipeline.ends import (
    START_MS,
    UPSTREAM,
    End,
    Wire,
    connect,
    flip,
    from_source,
    record,
    send,
    source,
    travel,
)


def gateway(node: int = 1) -> End:
    return End(node, next="next:1")


class TestRule12:
    """Series are named by log and sequence, defined before first use and on request."""

    def test_a_series_is_named_by_the_sequence_of_its_definition(self) -> None:
        """Rule 12: so its number is never used again, whatever is lost."""
        end = End()
        from_source(source(end), 1, 1.0, meter="a")
        from_source(source(end), 2, 2.0, meter="b")

        found = end.records(Kind.DEFINITION)
        numbers = [body.number for body in end.bodies(Kind.DEFINITION) if isinstance(body, Definition)]
        assert numbers == [found[0].sequence, found[0].sequence, found[2].sequence, found[2].sequence]

    def test_a_definition_goes_ahead_of_the_readings(self) -> None:
        """Rule 12: defined before first use."""
        sender, target = gateway(), End(2)
        sender.take_in(1.0)
        sender.commit()
        wire = Wire(sender.outflow(), target)
        wire.run()

        assert [found.kind for up in wire.sent for found in up.records.record] == [Kind.DEFINITION, Kind.DATA]
        assert target.core.refused == {}

    def test_a_receiver_that_lacks_a_series_asks_for_it(self) -> None:
        """Rule 12: it never guesses."""
        sender = gateway()
        number = sender.take_in(1.0).sequence - 2
        sender.commit()
        target = End(2)
        lost = sender.outflow()
        inflow = connect(target, log=sender.log.log, node=1, first=number + 2)
        lost.take(inflow.welcome())
        (up,) = [lost.following()]
        assert up is not None
        (need,) = inflow.take(up)
        assert target.values() == []

        (answer,) = lost.take(need)
        inflow.take(answer)

        assert target.values() == [1.0]
        assert target.log.state.series[sender.log.log, int(decode(sender.batches()[0].payload).series[0])].meter == "m"

    def test_a_definition_that_is_gone_is_answered_damaged_and_the_record_is_taken(self) -> None:
        """Rule 12: readings are worth more than their name; the series is shown as damaged."""
        sender, end = gateway(), End(2)
        inflow = connect(end, first=3)
        (need,) = send(inflow, record(3, body=travel(1.0, series=4)))

        (answer,) = sender.outflow().take(need)
        inflow.take(answer)

        assert end.values() == [1.0]
        assert end.log.state.series[UPSTREAM, 4].damaged
        assert sender.core.refused["definition-gone"] == 1


class TestRule13:
    """Order per series is kept, whatever is lost."""

    def test_a_record_lost_before_later_ones_is_not_asked_for_again(self) -> None:
        """Rule 13: it would come behind them."""
        sender, target = gateway(), End(2)
        for value in (1.0, 2.0, 3.0):
            sender.take_in(value)
        sender.commit()
        outflow = sender.outflow()
        Wire(outflow, target).run()
        middle = target.records(Kind.DATA)[1]
        flip(target, middle.sequence)
        target.restart()

        Wire(outflow, target).run()

        assert target.values() == [1.0, 3.0]
        assert [(loss.log, loss.first, loss.last) for loss in target.losses()] == [
            (target.log.log, middle.sequence, middle.sequence)
        ]

    def test_a_record_lost_at_the_end_is_asked_for_again(self) -> None:
        """Rule 13: nothing later of that upstream has been logged, so its order is kept."""
        sender, target = gateway(), End(2)
        sender.take_in(1.0)
        sender.take_in(2.0)
        sender.commit()
        outflow = sender.outflow()
        Wire(outflow, target).run()
        flip(target, target.records(Kind.DATA)[-1].sequence)
        target.restart()

        Wire(outflow, target).run()

        assert target.values() == [1.0, 2.0]


class TestRule17:
    """Stamps are functions of their records."""

    def test_the_time_a_batch_was_sent_is_in_the_next_hop_s_stamp(self) -> None:
        """Rule 17: nothing in a stamp is learned later."""
        sender, target = gateway(), End(2)
        sender.take_in(1.0)
        sender.commit()
        before = sender.batches()[0].stamp
        sender.clock_ms = START_MS + 77
        target.clock_ms = START_MS + 99
        Wire(sender.outflow(), target).run()

        assert sender.batches()[0].stamp == before
        stamp = target.batches()[0].stamp
        assert stamp is not None
        assert (stamp.sent_ms, stamp.received_ms) == (START_MS + 77, START_MS + 99)

    def test_a_record_sent_again_has_the_stamp_of_its_first_arrival(self) -> None:
        """Rule 17: a record that is here keeps what was written of it."""
        sender, target = gateway(), End(2)
        sender.take_in(1.0)
        sender.commit()
        Wire(sender.outflow(), target).run()
        stamp = target.batches()[0].stamp
        sender.restart()
        sender.clock_ms += 5000
        target.restart()
        Wire(sender.outflow(), target).run()

        assert [batch.stamp for batch in target.batches()] == [stamp]
