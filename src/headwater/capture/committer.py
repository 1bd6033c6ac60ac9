"""The thread that syncs: no timer, the next sync starts when the last has ended and takes all that came meanwhile."""

import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Protocol

from headwater.model.errors import Unavailable

WAIT_S_MIN = 0.002
WAIT_S_MAX = 0.02
COST_SHARE = 20
"""Values are waited for as long as 20 commits cost, so that commits take at most 5 % of the time."""
COST_WEIGHT = 0.2
"""Of the newest commit in the mean cost."""
RETRY_S_MIN = 0.1
RETRY_S_MAX = 5.0
ROUND_S = 1.0
"""A turn comes at least this often, also when nothing was asked for."""

_logger = logging.getLogger(__name__)


class Work(Protocol):
    """What is done in turns; `prepare` and `settle` with the lock held, `commit` without."""

    def prepare(self) -> None: ...

    def commit(self) -> None:
        """Unavailable or OSError when it is to be tried again; anything else ends all turns."""
        ...

    def settle(self) -> None: ...


class Committer:
    """Takes turns in a thread of its own: at once after idle, else after a wait that grows with the cost of turns."""

    def __init__(self, work: Work, lock: threading.Lock, seconds: Callable[[], float] = time.monotonic) -> None:
        self._work = work
        self._lock = lock
        self._seconds = seconds
        self._turn_wanted = threading.Condition(lock)
        self._turn_ended = threading.Condition(lock)
        self._asked = self._urgent = self._stopping = False
        self._cost_s = WAIT_S_MIN / COST_SHARE
        self._ended_s = -math.inf
        """When the last turn ended that was asked for."""
        self._retry_s = RETRY_S_MIN
        self._failure: BaseException | None = None
        self._failing_since_s = math.inf
        self.broken = False
        """Whether no turn will come any more."""
        self._thread = threading.Thread(target=self._run, name="headwater-commit", daemon=True)
        self._thread.start()

    # ---- for the threads of the program, which hold the lock ---------------------------------------------------------

    def ask(self) -> None:
        """Something waits for a turn."""
        if not self._asked:
            self._asked = True
            self._turn_wanted.notify()

    def wait(self, until: Callable[[], bool], patience_s: float, *, count_failing: bool = False) -> None:
        """Hurry turns until something holds; Unavailable when that takes longer than the patience.

        With `count_failing` the patience includes the time for which the disk has been refusing already.
        """
        began_s = self._seconds()
        if count_failing:
            began_s = min(began_s, self._failing_since_s)
        self._urgent = True
        while not until():
            left_s = began_s + patience_s - self._seconds()
            if self.broken or left_s <= 0:
                why = self._failure or "the disk is too slow"
                raise Unavailable(f"what was recorded is not durable after {patience_s:g} s: {why}")
            self._asked = True
            self._turn_wanted.notify()
            self._turn_ended.wait(left_s)

    def stop(self) -> None:
        """End the turns, without another one. The lock is not held."""
        with self._lock:
            self._stopping = True
            self._turn_wanted.notify()
        self._thread.join()

    # ---- the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while self._turn_comes():
                self._turn()
        except BaseException as error:
            _logger.exception("the recorder can write no more")
            with self._lock:
                self._failure = error
        with self._lock:
            self.broken = True
            self._turn_ended.notify_all()

    def _turn_comes(self) -> bool:
        """Wait until it is time; False to stop."""
        with self._lock:
            if not self._asked and not self._stopping:
                self._turn_wanted.wait(ROUND_S)
            pause_s = self._pause_s()
            if pause_s > 0:
                self._turn_wanted.wait_for(lambda: self._urgent or self._stopping, pause_s)
            return not self._stopping

    def _pause_s(self) -> float:
        if self._failure is not None:
            return self._retry_s
        wait_s = min(max(COST_SHARE * self._cost_s, WAIT_S_MIN), WAIT_S_MAX)
        return wait_s if self._seconds() - self._ended_s <= wait_s else 0.0

    def _turn(self) -> None:
        with self._lock:
            asked, self._asked, self._urgent = self._asked, False, False
            began_s = self._seconds()
            failure = _tried(self._work.prepare)
        failure = _tried(self._work.commit) or failure
        with self._lock:
            if failure is None:
                self._work.settle()
            self._judge(failure)
            if asked:
                self._ended_s = self._seconds()
                self._cost_s += COST_WEIGHT * (self._ended_s - began_s - self._cost_s)
            self._turn_ended.notify_all()

    def _judge(self, failure: Exception | None) -> None:
        if failure is None:
            self._failure, self._failing_since_s, self._retry_s = None, math.inf, RETRY_S_MIN
            return
        self._asked = True
        self._retry_s = min(2 * self._retry_s, RETRY_S_MAX) if self._failure else RETRY_S_MIN
        self._failing_since_s = min(self._failing_since_s, self._seconds())
        self._failure = failure
        _logger.error("%s; trying again in %.1f s", failure, self._retry_s)


def _tried(step: Callable[[], None]) -> Exception | None:
    try:
        step()
    except (Unavailable, OSError) as error:
        return error
    return None
