"""Running a supervisor in the foreground, until Ctrl-C, SIGTERM or the end of all its processes."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from headwater.cli.processes import not_ready
from headwater.cli.supervisor import Supervisor
from headwater.model.errors import HeadwaterError
from headwater.wire.notify import ALIVE, READY, Notifier

READY_TIMEOUT_S = 30.0


def supervise(
    supervisor: Supervisor,
    ready: Callable[[list[str]], None],
    timeout_s: float = READY_TIMEOUT_S,
    reload: Callable[[], None] | None = None,
    whole: bool = False,
) -> int:
    """Keep processes running; call `ready` with the addresses that do not answer yet when the rest do, and on SIGHUP
    `reload`, unless given `Supervisor.reload`.

    0 after a stop that was asked for, or when everything has finished; HeadwaterError when a process had to be given up
    and none is left, or, of those that are a `whole`, when one had to be. A second signal stops at once.
    """
    with _signals(supervisor) as (asked, reloads):
        supervisor.start()
        try:
            _watch(supervisor, ready, asked, reloads, timeout_s, reload or supervisor.reload, whole)
        finally:
            failed = [process.name for process in supervisor.processes() if process.state == "failed"]
            supervisor.stop()
    if failed and not asked:
        raise HeadwaterError(f"given up, see above: {', '.join(failed)}")
    return 0


def _watch(
    supervisor: Supervisor,
    ready: Callable[[list[str]], None],
    asked: list[int],
    reloads: list[int],
    timeout_s: float,
    reload: Callable[[], None],
    whole: bool,
) -> None:
    def is_broken() -> bool:
        return whole and any(process.state == "failed" for process in supervisor.processes())

    def is_over(within_s: float) -> bool:
        return bool(asked) or supervisor.wait(within_s) or is_broken()

    waiting = [process.listen for process in supervisor.processes() if process.listen]
    left_s = timeout_s
    while waiting and left_s > 0 and not is_over(0):
        waiting = not_ready(waiting, 0.2)
        left_s -= 0.2
    notifier, said_s = Notifier(), 0.0
    if not asked and not is_broken():
        ready(waiting)
        notifier.say(READY)
    while not is_over(0.2):
        if notifier.every_s is not None and time.monotonic() - said_s >= notifier.every_s:
            notifier.say(ALIVE)
            said_s = time.monotonic()
        if reloads:
            reloads.clear()
            reload()


@contextmanager
def _signals(supervisor: Supervisor) -> Iterator[tuple[list[int], list[int]]]:
    """The signals to stop that have come, the second of which hurries the supervisor; and those to reload.

    SIGHUP is both: it comes from whoever wants a reload, and from a terminal that has been closed.
    """
    asked: list[int] = []
    reloads: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        if len(asked) > 1:
            supervisor.hurry()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    # Under nohup a hang-up is ignored, so there it never ends anything.
    is_held = signal.getsignal(signal.SIGHUP) != signal.SIG_IGN and _has_terminal()

    def hang_up(number: int, frame: FrameType | None) -> None:
        if is_held and not _has_terminal():
            handle(number, frame)
        else:
            reloads.append(number)

    before[signal.SIGHUP] = signal.signal(signal.SIGHUP, hang_up)
    try:
        yield asked, reloads
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _has_terminal() -> bool:
    """Whether this process has a controlling terminal that is still there."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
