"""Memory gives what the files would give, or says that it does not hold it."""

from hypothesis import given
from hypothesis import strategies as st

from headwater.log.recent import RECORD_BYTES, Recent
from headwater.model.records import Kind
from headwater.wire.records import Record

BYTES_MAX = 4000


def record(sequence: int, size: int = 10) -> Record:
    return Record(Kind.DATA, 1, sequence, 0, 0, None, bytes(size))


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 1200), st.booleans()), max_size=40),
    st.integers(0, 120),
    st.integers(1, 5),
)
def test_what_it_gives_is_complete(steps: list[tuple[int, int, bool]], after: int, most: int) -> None:
    recent, durable, sequence = Recent(BYTES_MAX), 0, 0
    made: list[Record] = []
    for leap, size, synced in steps:
        sequence += leap if made else 1  # A leap of more than one is a jump.
        made.append(record(sequence, size))
        recent.add(made[-1], durable)
        durable = sequence if synced else durable
    held = recent.after(after, durable, most)
    wanted = [one for one in made if after < one.sequence <= durable][:most]
    assert held is None or held == wanted
    unsynced = [one for one in made if one.sequence > durable]
    assert recent.after(durable, sequence, 100) == unsynced or not made


def test_it_holds_as_much_as_it_may_and_forgets_the_oldest() -> None:
    recent = Recent(BYTES_MAX)
    for sequence in range(1, 101):
        recent.add(record(sequence), sequence - 1)
    assert recent.after(99, 100, 9) == [record(100)]
    assert recent.after(100, 100, 9) == []
    assert recent.after(50, 100, 9) is None
    held = next(count for count in range(100) if recent.after(99 - count, 100, 99) is None)
    # Small records take more in memory than their bytes. At most half of what is allowed is forgotten at once.
    assert BYTES_MAX // 2 // (RECORD_BYTES + record(1).size) <= held <= BYTES_MAX // RECORD_BYTES


def test_what_is_dropped_is_given_no_more() -> None:
    recent = Recent(BYTES_MAX)
    for sequence in range(1, 10):
        recent.add(record(sequence), sequence - 1)
    recent.remove(3, 6)
    assert [one.sequence for one in recent.after(1, 9, 99) or ()] == [2, 7, 8, 9]
    assert [one.sequence for one in recent.after(4, 9, 99) or ()] == [7, 8, 9]
