"""What every store keeps of health: how everything stands, and what has changed."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from headwater.model.errors import Unavailable
from headwater.model.health import Change, Health, Part, Subject, Verdict
from headwater.store import health
from headwater.store.health import HealthWriter
from headwater.store.port import Standing
from tests.store.fullness import fill, free
from tests.store.stores import Store

NODE, LINK = Subject(Part.NODE, 1), Subject(Part.LINK, 1, 2)


@pytest.fixture
def writer(store: Store) -> Iterator[HealthWriter]:
    made = HealthWriter(store.writer.files)
    yield made
    made.close()


def verdict(subject: Subject = NODE, word: Health = Health.GREEN, since_ms: int = 0, **more: object) -> Verdict:
    return Verdict(subject, word, since_ms, "because", **more)  # type: ignore[arg-type]


def change(number: int, subject: Subject = NODE, word: Health = Health.RED, at_ms: int = 0) -> Change:
    return Change(number, None, verdict(subject, word, at_ms))


def standing(at_ms: int = 0, *verdicts: Verdict) -> Standing:
    return Standing(at_ms, 3, list(verdicts))


def test_before_the_first_look_nothing_is_known(store: Store) -> None:
    assert store.reader.standing() is None
    assert store.reader.changes() == store.reader.following(0, 10) == []
    assert all(history.at(1 << 50) == {} for history in store.reader.histories([1]).values())


def test_the_last_standing_is_read_whole(store: Store, writer: HealthWriter) -> None:
    writer.keep(standing(1, verdict()), [])
    last = standing(2, verdict(LINK, Health.RED, 7, cause=NODE, is_settled=False, doubt="node or link"))
    writer.keep(last, [])
    assert store.reader.standing() == last
    store.reopen()
    assert store.reader.standing() == last


def test_changes_are_read_newest_first_by_page_and_by_node(store: Store, writer: HealthWriter) -> None:
    subjects = [NODE, LINK, Subject(Part.NODE, 2), Subject(Part.NODE, 3)]
    made = [change(number, subjects[number % 4]) for number in range(1, 13)]
    writer.keep(standing(), made)
    assert store.reader.changes() == made[::-1]
    assert store.reader.changes(5, 9) == made[7:2:-1]
    assert {one.verdict.subject for one in store.reader.changes(node=2)} == {LINK, Subject(Part.NODE, 2)}
    assert store.reader.following(4, 3) == made[4:7]


def test_the_word_in_force_is_the_last_before_a_time(store: Store, writer: HealthWriter) -> None:
    pipeline = Subject(Part.PIPELINE, 1)
    writer.keep(standing(), [change(1, NODE, Health.GREEN, 100), change(2, pipeline, Health.GREEN, 100)])
    writer.keep(standing(), [change(3, NODE, Health.RED, 200), change(4, LINK, Health.YELLOW, 200)])
    writer.keep(standing(), [change(5, NODE, Health.YELLOW, 200)])
    history = store.reader.histories([1])[1]
    assert history.at(99) == {}
    assert history.at(100) == history.at(199) == {Part.NODE: Health.GREEN, Part.PIPELINE: Health.GREEN}
    assert history.at(1 << 50) == {
        Part.NODE: Health.YELLOW,
        Part.PIPELINE: Health.GREEN,
        Part.LINK: Health.YELLOW,
    }


def test_keeping_a_change_twice_keeps_it_once(store: Store, writer: HealthWriter) -> None:
    writer.keep(standing(), [change(1), change(2)])
    writer.keep(standing(), [change(2), change(3)])
    assert [one.number for one in store.reader.changes()] == [3, 2, 1]


def test_numbers_go_on_after_a_restart_and_old_changes_go(
    store: Store, writer: HealthWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "CHANGES_MAX", 10)
    assert writer.next_number() == 1
    for number in range(1, 31):
        writer.keep(standing(), [change(number)])
    again = HealthWriter(store.writer.files)
    assert again.next_number() == 31
    again.close()
    assert [one.number for one in store.reader.changes()] == list(range(30, 20, -1))


def test_what_a_full_disk_refuses_is_not_kept_and_the_next_is(store: Store, writer: HealthWriter) -> None:
    writer.keep(standing(1), [change(1)])
    many = [change(number) for number in range(2, 2_000)]
    fill(writer)
    with pytest.raises(Unavailable):
        writer.keep(standing(2), many)
    assert [one.number for one in store.reader.changes()] == [1]
    assert store.reader.standing() == standing(1)
    free(writer)
    writer.keep(standing(3), many)
    assert len(store.reader.changes(5_000)) == 1_999


def test_a_commit_that_is_refused_holds_up_no_later_one(store: Store, writer: HealthWriter) -> None:
    class Refusing(sqlite3.Connection):
        refuses = True

        def execute(self, statement: str, *more: Any) -> sqlite3.Cursor:
            if statement == "COMMIT" and self.refuses:
                raise sqlite3.OperationalError("disk I/O error")
            return super().execute(statement, *more)

    writer._connection.close()
    writer._connection = sqlite3.connect(store.writer.files.health, isolation_level=None, factory=Refusing)
    with pytest.raises(Unavailable):
        writer.keep(standing(1), [change(1)])
    Refusing.refuses = False
    writer.keep(standing(2), [change(1)])
    assert store.reader.standing() == standing(2)
