"""Batches that are open side by side, and the order in which they go to the log."""

from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from headwater.capture.gathering import BATCHES_MAX, READINGS, RUNS_MAX, Gathering, Maker, OpenBatch, Value
from headwater.model.ids import IdRun
from headwater.model.records import Kind

NODE = 1
SENSOR, MEAN, SCORE = (
    Maker(Kind.DATA, b"sensor"),
    Maker(Kind.OUT, b"code", "average"),
    Maker(Kind.OUT, b"code", "score"),
)


class Log:
    """A gathering with what was taken out of it so far."""

    def __init__(self) -> None:
        self.next = 0
        self.gathering = Gathering(self._allocate, count(1).__next__)
        self.batches: list[OpenBatch] = []

    def _allocate(self, ids: int) -> int:
        start, self.next = self.next, self.next + ids
        return start

    def add(self, maker: Maker, *inputs: int) -> int:
        value = Value(1, 0, 0.0, tuple(IdRun(NODE, ordinal, 1) for ordinal in inputs))
        ordinal = self.gathering.add(maker, value, max(inputs, default=-1))
        if ordinal is None:
            self.seal()
            ordinal = self.gathering.add(maker, value, max(inputs, default=-1))
        assert ordinal is not None
        return ordinal

    def seal(self) -> None:
        self.batches += self.gathering.take()


def ordinals(batches: list[OpenBatch]) -> list[int]:
    return [batch.start + position for batch in batches for position in range(len(batch.values))]


STEPS = st.lists(
    st.one_of(
        st.none(),
        st.tuples(st.sampled_from([SENSOR, MEAN, SCORE]), st.lists(st.integers(0, 30), max_size=3)),
    ),
    max_size=80,
)


@given(STEPS)
def test_ids_rise_through_the_log_and_inputs_come_before_what_is_made_from_them(
    steps: list[tuple[Maker, list[int]] | None],
) -> None:
    log, ids = Log(), list[int]()
    for step in steps:
        if step is None:
            log.seal()
        else:
            maker, back = step
            ids.append(log.add(maker, *(ids[-1 - at] for at in back if at < len(ids))))
    log.seal()
    held = ordinals(log.batches)
    assert held == sorted(held)
    assert sorted(ids) == held
    for batch in log.batches:
        assert 0 < len(batch.values) <= READINGS
        for position, value in enumerate(batch.values):
            assert all(run.start < batch.start + position for run in value.inputs)


def test_a_program_that_derives_as_it_records_fills_its_batches_whatever_it_begins_with() -> None:
    for lead in range(4):
        log = Log()
        sensed = log.add(SENSOR)
        for _ in range(lead):
            sensed = log.add(SCORE, log.add(MEAN, sensed))
            log.seal()
        for _ in range(500):
            mean = log.add(MEAN, sensed)
            log.add(SCORE, mean, sensed)
            sensed = log.add(SENSOR)
        log.seal()
        assert len(log.batches) <= 2 * lead + 9


def test_a_full_batch_makes_room_for_the_next() -> None:
    log = Log()
    ids = [log.add(SENSOR) for _ in range(2 * READINGS + 1)]
    log.seal()
    assert [len(batch.values) for batch in log.batches] == [READINGS, READINGS, 1]
    assert ids == ordinals(log.batches)


def test_batches_side_by_side_are_bounded_and_so_are_the_inputs_that_wait() -> None:
    log = Log()
    for _ in range(2):
        for number in range(3 * BATCHES_MAX):
            log.add(Maker(Kind.OUT, b"code", str(number)))
    assert len(log.batches) >= 5 * BATCHES_MAX
    wide = Log()
    value = Value(1, 0, 0.0, tuple(IdRun(NODE + 1, 2 * at, 1) for at in range(RUNS_MAX // 2)))
    taken = [wide.gathering.add(MEAN, value, 0) for _ in range(3)]
    assert [ordinal is None for ordinal in taken] == [False, False, True]


def test_only_ids_that_were_given_out_are_known() -> None:
    log = Log()
    first, second, mean = log.add(SENSOR), log.add(SENSOR), log.add(MEAN)
    assert all(log.gathering.given(ordinal) for ordinal in (first, second, mean))
    assert not any(log.gathering.given(ordinal) for ordinal in (second + 1, mean + 1, mean + READINGS))
