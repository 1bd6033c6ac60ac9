"""The state is a fold over the records, and a snapshot holds all of it."""

import msgspec
import pytest

from headwater.log.state import Head, State, read_head
from headwater.model.context import Context, Location
from headwater.model.errors import ConfigError, Rejected
from headwater.model.ids import IdRun
from headwater.model.records import Batch, Config, Definition, Jump, Kind, Loss, Position, Why
from headwater.model.stamp import Origin, OriginKind, Stamp
from headwater.wire.records import Body

NODE, LOG = 5, b"this log"


def state_of(*bodies: tuple[Kind, Body]) -> State:
    state = State(NODE, LOG)
    for sequence, (kind, body) in enumerate(bodies, 1):
        state.apply(kind, sequence, 10 * sequence, Position(b"upstream", 3 * sequence), body)
    return state


def batch(start: int, number: int, node: int = NODE) -> tuple[Kind, Batch]:
    stamp = Stamp(IdRun(node, start, 4), None, b"contexts", 0)
    return Kind.DATA, Batch(Origin(OriginKind.SOURCE, b"a source", number), LOG, 4, b"", stamp)


EVERYTHING = state_of(
    batch(1000, 1),
    (Kind.DEFINITION, Definition(LOG, 2, "meter", "metric")),
    (Kind.DEFINITION, Definition(b"upstream", 2, "other", "metric")),
    (Kind.CONTEXT, Context(location=Location("here", 1.5, -2.0))),
    (Kind.CONFIG, Config(NODE, "name", next="host:1")),
    (Kind.LOSS, Loss(Why.DAMAGED, LOG, 1, 1, 4)),
    (Kind.JUMP, Jump(8, 99)),
)


def test_a_snapshot_restores_everything() -> None:
    assert vars(State.restore(EVERYTHING.snapshot(1, 2))) == vars(EVERYTHING)


def test_what_came_in_is_counted_without_what_was_made_here() -> None:
    state = State(NODE, LOG)
    data, upstream = batch(1000, 1)[1], Position(b"upstream", 1)
    state.apply(Kind.DATA, 1, 4, None, data)
    state.apply(Kind.OUT, 2, 8, None, data)
    assert state.received == 4
    state.apply(Kind.OUT, 3, 12, upstream, data)
    assert (state.received, state.count) == (8, 12)


def test_a_restored_state_goes_on_as_the_one_it_was_taken_from() -> None:
    one, two = State.restore(EVERYTHING.snapshot(1, 2)), State.restore(EVERYTHING.snapshot(1, 2))
    for state in (one, two):
        state.apply(Kind.DATA, 100, 74, None, batch(2000, 5)[1])
    assert vars(one) == vars(two)
    assert (one.ordinal, one.heard[OriginKind.SOURCE, b"a source", 0]) == (2004, 9)


def test_a_loss_written_twice_counts_once() -> None:
    loss = Loss(Why.DAMAGED, LOG, 3, 4, 12)
    state = state_of((Kind.LOSS, loss), (Kind.LOSS, loss))
    assert (state.lost, state.explained) == ({"damaged": 12}, ((3, 4),))


def test_only_losses_of_this_log_explain_what_is_missing_here() -> None:
    state = state_of((Kind.LOSS, Loss(Why.DAMAGED, b"upstream", 3, 4, 12)), (Kind.LOSS, Loss(Why.GAP, LOG, 8, 9)))
    assert (state.lost, state.explained, state.complete) == ({}, (), False)


def test_ranges_that_touch_explain_what_spans_them() -> None:
    state = state_of((Kind.LOSS, Loss(Why.DAMAGED, LOG, 3, 4)), (Kind.JUMP, Jump(5, 90)))
    assert state.is_explained(3, 90)
    assert not state.is_explained(2, 3)
    state.forget_before(90)
    assert state.is_explained(3, 90)
    state.forget_before(91)
    assert not state.explained


def test_a_definition_known_stays_when_someone_else_has_lost_it() -> None:
    known, lost = Definition(b"upstream", 2, "meter", "metric"), Definition(b"upstream", 2, "", "", damaged=True)
    assert state_of((Kind.DEFINITION, known), (Kind.DEFINITION, lost)).series[b"upstream", 2] == known
    assert state_of((Kind.DEFINITION, lost), (Kind.DEFINITION, known)).series[b"upstream", 2] == known


def test_the_first_number_of_a_series_stays_its_number() -> None:
    definition = Definition(LOG, 1, "meter", "metric")
    state = state_of((Kind.DEFINITION, definition), (Kind.DEFINITION, Definition(LOG, 2, "meter", "metric")))
    assert list(state.numbers.values()) == [1]
    assert state.series_bytes < 2 * 60


def test_ids_of_other_nodes_do_not_move_this_node_on() -> None:
    assert state_of(batch(5000, 1, node=6)).ordinal == 0


@pytest.mark.parametrize("body", [b"", b"\xc1", msgspec.msgpack.encode(Head(1, NODE, LOG, 0, 0, b"no zstd"))])
def test_a_snapshot_that_cannot_be_read_is_rejected(body: bytes) -> None:
    with pytest.raises(Rejected, match="snapshot"):
        State.restore(body)


def test_a_head_of_another_log_or_a_newer_format_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="holds a segment of log"):
        read_head(State(NODE, b"another.").snapshot(1, 2), NODE, LOG)
    with pytest.raises(ConfigError, match="format 2"):
        read_head(msgspec.msgpack.encode(Head(2, NODE, LOG, 0, 0, b"")), NODE, LOG)
    assert read_head(b"\xc1", NODE, LOG) is None
