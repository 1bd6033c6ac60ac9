"""The turns of the committing thread."""

import threading
from collections.abc import Iterator

import pytest

from headwater.capture.committer import Committer
from headwater.model.errors import Unavailable


class Work:
    """Counts its turns; a turn takes what was put before it began."""

    def __init__(self) -> None:
        self.put = self.taken = self.settled = 0
        self.failures: list[BaseException] = []
        self.committed = threading.Event()
        self.done = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def prepare(self) -> None:
        self.taken = self.put

    def commit(self) -> None:
        self.committed.set()
        self.go_on.wait()
        if self.failures:
            raise self.failures.pop(0)

    def settle(self) -> None:
        self.settled = self.taken
        if self.settled:
            self.done.set()


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def lock() -> threading.Lock:
    return threading.Lock()


@pytest.fixture
def committer(work: Work, lock: threading.Lock) -> Iterator[Committer]:
    made = Committer(work, lock)
    yield made
    work.go_on.set()
    made.stop()


def test_what_comes_during_a_turn_is_taken_by_the_next(work: Work, lock: threading.Lock, committer: Committer) -> None:
    work.go_on.clear()
    with lock:
        work.put = 1
        committer.ask()
    work.committed.wait()
    with lock:
        work.put = 2
        committer.ask()
    work.go_on.set()
    with lock:
        committer.wait(lambda: work.settled == 2, 60)


def test_a_failed_turn_is_tried_again_until_it_works(work: Work, lock: threading.Lock, committer: Committer) -> None:
    work.failures = [OSError(28, "full"), Unavailable("full")]
    with lock:
        work.put = 1
        committer.ask()
        committer.wait(lambda: work.settled == 1, 60)
    assert not work.failures


def test_a_failed_turn_is_tried_again_although_nobody_waits(
    work: Work, lock: threading.Lock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headwater.capture.committer.ROUND_S", 3600)
    work.failures = [OSError(28, "full")]
    committer = Committer(work, lock)
    with lock:
        work.put = 1
        committer.ask()
    assert work.done.wait(60)
    committer.stop()


def test_patience_ends_with_what_the_disk_says(work: Work, lock: threading.Lock, committer: Committer) -> None:
    work.failures = [OSError(28, "no space left")] * 1000
    with lock:
        work.put = 1
        committer.ask()
        with pytest.raises(Unavailable, match=r"after 0.3 s: .*no space left"):
            committer.wait(lambda: work.settled == 1, 0.3)
        assert work.settled == 0
        work.failures.clear()
        committer.wait(lambda: work.settled == 1, 60)


def test_who_comes_late_to_a_failing_disk_does_not_wait_again(
    work: Work, lock: threading.Lock, committer: Committer
) -> None:
    work.failures = [OSError(28, "full")] * 1000
    with lock:
        committer.ask()
        with pytest.raises(Unavailable):
            committer.wait(lambda: False, 0.2)
        left = len(work.failures)
        with pytest.raises(Unavailable):
            committer.wait(lambda: False, 0.1, count_failing=True)
        assert len(work.failures) == left


def test_after_an_error_that_nobody_expected_nothing_is_promised_any_more(
    work: Work, lock: threading.Lock, committer: Committer
) -> None:
    work.failures = [AssertionError("a bug")]
    with lock:
        committer.ask()
        with pytest.raises(Unavailable, match="a bug"):
            committer.wait(lambda: work.settled == 1, 60)
        assert committer.broken
