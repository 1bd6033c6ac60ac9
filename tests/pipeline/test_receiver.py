"""What a receiver does with what it should not get: it says what and where, counts it, and goes on."""

from collections.abc import Callable

import msgspec
import pytest

from headwater.model.errors import Rejected
from headwater.model.ids import IdRun
from headwater.model.reading import SeriesKey
from headwater.model.records import Config, Definition, Kind, Loss, Why
from headwater.model.stamp import Origin, Same
from headwater.pipeline.receiver import Inflow
from headwater.wire import codec
from headwater.wire import headwater_pb2 as pb
from headwater.wire.link import LINK_VERSION, WINDOW_BYTES, Travel
from tests.pipeline.ends import (
    UPSTREAM,
    End,
    Wire,
    connect,
    definition,
    hello,
    payload,
    reason_of,
    record,
    send,
    travel,
)


def spoiled(**changes: object) -> Travel:
    return msgspec.structs.replace(travel(1.0, 2.0), **changes)


def moved(**changes: object) -> Travel:
    """A batch with an impossible origin."""
    batch = travel(1.0, 2.0)
    return msgspec.structs.replace(batch, origin=msgspec.structs.replace(batch.origin, **changes))


WRONG = {
    "no message pack": (b"\xc1\xff\x00", "batch"),
    "cut short": (msgspec.msgpack.encode(travel(1.0, 2.0))[:20], "batch"),
    "no readings": (spoiled(count=0, payload=payload([], [], [])), "batch"),
    "too many readings": (spoiled(count=codec.READINGS_MAX + 1), "batch"),
    "another count than announced": (spoiled(count=3), "batch"),
    "a payload that is none": (spoiled(payload=b"\x07nonsense"), "payload"),
    "a payload cut in its header": (spoiled(payload=b"\x01\x00"), "payload"),
    "an entry that is no log id": (spoiled(entry=b"short"), "batch"),
    "an origin of an unknown kind": (moved(kind=9), "batch"),
    "an origin before the first": (moved(number=-1), "batch"),
    "an origin's part out of range": (moved(part=1 << 16), "batch"),
    "an id run of another length": (spoiled(run=IdRun(7, 1 << 24, 5)), "id-run"),
    "an id run out of range": (spoiled(run=IdRun(7, -4, 2)), "id-run"),
    "an id run of an unknown node": (spoiled(run=IdRun(8, 1 << 24, 2)), "unknown-node"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_batch_costs_only_itself_and_is_named_with_its_place(case: str) -> None:
    body, reason = WRONG[case]
    end = End()
    inflow = connect(end)

    send(inflow, record(1, Kind.DEFINITION, definition()))

    down = send(inflow, record(2, body=body), record(3, body=travel(5.0, number=9)))

    assert reason_of(down) == reason
    assert [answer.refusal.sequence for answer in down] == [2]
    assert not down[0].refusal.fatal
    assert end.core.refused[reason] == 1
    (loss,) = end.losses()
    assert (loss.why, loss.log, loss.first, loss.last) == (Why.DAMAGED, UPSTREAM, 2, 2)
    assert end.values() == [5.0]
    assert inflow.durable == 3


def test_the_readings_of_a_refused_batch_are_counted_as_lost() -> None:
    end = End()
    send(connect(end), record(1, body=spoiled(run=IdRun(8, 1 << 24, 2))), record(2, body=b"\xc1"))

    assert [loss.readings for loss in end.losses()] == [2, 0]


LOOPS: dict[str, tuple[Kind, Callable[[bytes], object]]] = {
    "readings of a series of this log": (Kind.DATA, lambda log: travel(1.0, entry=log)),
    "a definition in this log": (Kind.DEFINITION, lambda log: Definition(log, 1, "m", "power")),
    "what is missing in this log": (Kind.LOSS, lambda log: Loss(Why.DROPPED, log, 1, 9, whole=(1, 9))),
}


@pytest.mark.parametrize("case", LOOPS)
def test_nobody_else_says_what_is_in_this_log(case: str) -> None:
    """It would come back for ever; and a loss that names a whole segment has it removed at the next start."""
    kind, body = LOOPS[case]
    end = End()
    number = end.log.define(SeriesKey("mine", "power"))
    inflow = connect(end)

    assert reason_of(send(inflow, record(1, kind, body(end.log.log)))) == "loop"

    assert end.log.state.series[end.log.log, number].meter == "mine"
    assert end.values() == []
    assert end.log.state.explained == ()


@pytest.mark.parametrize("kind", [Kind.DEFINITION, Kind.LOSS])
def test_a_record_that_cannot_be_read_costs_only_itself(kind: Kind) -> None:
    end = End()
    inflow = connect(end)

    assert reason_of(send(inflow, record(1, kind, b"\xc1"))) == "record"
    assert end.losses() == [Loss(Why.DAMAGED, UPSTREAM, 1, 1)]
    assert inflow.durable == 1


def test_what_stays_in_its_log_has_no_place_on_a_link() -> None:
    end = End()
    inflow = connect(end)

    assert reason_of(send(inflow, record(1, Kind.CONFIG, Config(7, "a")))) == "kind"
    assert end.losses() == [Loss(Why.DAMAGED, UPSTREAM, 1, 1)]


@pytest.mark.parametrize(("kind", "version"), [(77, 0), (Kind.DATA, 9), (Kind.LOSS, 9)])
def test_what_is_not_known_here_is_kept_counted_and_forwarded_as_it_came(kind: int, version: int) -> None:
    end, further = End(1, next="b:1"), End(2)
    inflow = connect(end)

    assert send(inflow, record(1, kind, b"from the future", version=version)) == []
    end.commit()
    Wire(end.outflow(), further).run()

    assert inflow.durable == 1
    assert end.core.refused["unknown-kind-kept"] == further.core.refused["unknown-kind-kept"] == 1
    (kept,) = [found for found in further.records() if found.body == b"from the future"]
    assert (kept.kind, kept.version) == (kind, version or 1)


def test_a_hole_in_the_order_ends_the_connection_and_logs_nothing() -> None:
    end = End()
    inflow = connect(end)
    send(inflow, record(1, body=travel(1.0)))

    with pytest.raises(Rejected, match=r"record 4 of log .* follows 3, of which only 1 is here") as refused:
        send(inflow, record(4, body=travel(4.0, number=4), previous=3))

    assert refused.value.reason == "order"
    assert end.values() == [1.0]


def test_a_message_that_is_neither_records_nor_a_definition_ends_the_connection() -> None:
    with pytest.raises(Rejected, match="message"):
        connect(End()).take(pb.Up(hello=hello()))


class TestHello:
    """Who is let in."""

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"version": LINK_VERSION + 1}, "version"),
            ({"site": "elsewhere"}, "site"),
            ({"log": b"tiny"}, "hello"),
            ({"node": b"ab"}, "node"),
        ],
    )
    def test_what_does_not_fit_is_refused_by_name(self, changes: dict[str, object], reason: str) -> None:
        wrong = hello()
        for field, value in changes.items():
            setattr(wrong, field, value)

        with pytest.raises(Rejected) as refused:
            Inflow(End().core, wrong)

        assert refused.value.reason == reason

    def test_a_sender_that_lost_what_it_sent_is_an_alarm(self) -> None:
        end = End()
        send(connect(end), record(5, body=travel(1.0), previous=0))

        with pytest.raises(Rejected, match="lost synced data, start it with --new-log") as refused:
            connect(end, last=4)

        assert refused.value.reason == "ahead"

    def test_two_nodes_with_one_id_are_not_both_let_in(self) -> None:
        end = End()
        first = connect(end)

        with pytest.raises(Rejected, match=r"another node with id 000007 .* is connected") as refused:
            connect(end, log=b"other---", node=7)

        assert refused.value.reason == "node-conflict"
        first.close()
        connect(end, log=b"other---", node=7)

    def test_a_node_with_this_node_s_own_id_is_not_let_in(self) -> None:
        with pytest.raises(Rejected, match="000001 is this node's own id"):
            connect(End(1), node=1)

    def test_who_is_refused_leaves_the_connection_that_is_there_alone(self) -> None:
        end = End()
        inflow = connect(end)

        with pytest.raises(Rejected):
            connect(end, node=1)

        assert not inflow.ended


class TestDefinitions:
    """A receiver asks, and what waits for the answer is bounded."""

    def asked(self) -> tuple[End, Inflow]:
        """A receiver that lacks series 1, because records before were lost."""
        end = End()
        inflow = connect(end, first=3)
        (need,) = send(inflow, record(3, body=travel(1.0)), record(4, body=travel(2.0, number=2)))
        assert (need.need.log, need.need.number) == (UPSTREAM, 1)
        return end, inflow

    def test_what_waited_goes_on_once_the_series_is_defined(self) -> None:
        end, inflow = self.asked()
        assert end.values() == []

        assert inflow.take(pb.Up(definition=msgspec.msgpack.encode(definition()))) == []

        assert end.values() == [1.0, 2.0]
        assert end.log.state.series[UPSTREAM, 1].meter == "m"

    def test_each_unknown_series_is_asked_for_in_turn(self) -> None:
        end, inflow = self.asked()
        send(inflow, record(5, body=travel(3.0, number=3, series=2)))

        (need,) = inflow.take(pb.Up(definition=msgspec.msgpack.encode(definition())))

        assert need.need.number == 2
        assert end.values() == [1.0, 2.0]
        inflow.take(pb.Up(definition=msgspec.msgpack.encode(definition(2, "n"))))
        assert end.values() == [1.0, 2.0, 3.0]

    @pytest.mark.parametrize("answer", [b"\xc1", msgspec.msgpack.encode(definition(number=8))])
    def test_an_answer_to_something_else_ends_the_connection(self, answer: bytes) -> None:
        end, inflow = self.asked()

        with pytest.raises(Rejected, match="definition"):
            inflow.take(pb.Up(definition=answer))

        assert end.values() == []

    def test_a_definition_that_nobody_asked_for_ends_the_connection(self) -> None:
        with pytest.raises(Rejected, match="not asked for"):
            connect(End()).take(pb.Up(definition=msgspec.msgpack.encode(definition())))

    def test_no_more_than_two_windows_wait(self) -> None:
        _, inflow = self.asked()
        large = Travel(Origin(1, UPSTREAM, 9), UPSTREAM, 1, payload([1], [1], [1.0]) + bytes(WINDOW_BYTES), None)

        send(inflow, record(5, body=large))
        with pytest.raises(Rejected, match="window"):
            send(inflow, record(6, body=large))

    def test_a_definition_that_is_here_already_only_moves_the_position(self) -> None:
        end = End()
        inflow = connect(end)

        send(inflow, record(1, Kind.DEFINITION, definition()), record(2, Kind.DEFINITION, definition()))

        assert end.bodies(Kind.DEFINITION) == [definition(), definition()]
        assert inflow.durable == 2


def test_a_batch_without_provenance_gives_a_stamp_without_inputs_from_here() -> None:
    end = End()
    send(connect(end), record(1, body=spoiled(run=None)), record(2, body=travel(3.0, number=3)))

    first, second = end.batches()
    assert first.stamp is not None
    assert first.stamp.inputs is None
    assert second.stamp is not None
    assert second.stamp.inputs == Same(IdRun(7, 1 << 24 | 3, 1))


def test_a_damaged_definition_is_taken_for_what_it_says() -> None:
    end = End()
    gone = Definition(UPSTREAM, 1, "", "", damaged=True)
    send(connect(end), record(1, Kind.DEFINITION, gone))
    assert end.log.state.series[UPSTREAM, 1] == gone
