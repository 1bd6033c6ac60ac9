"""Running servers in the foreground: how far each is while they start, and all of them stopped in the end."""

import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from headwater.cli.supervisor import Say
from headwater.model.errors import HeadwaterError, Unavailable
from headwater.services.service import START_S_MAX, STOP_S_MAX, NotStarted, Service

POLL_S = 0.05
STILL_S = 5.0
"""After so long, and again and again, what still starts is told."""


def run(servers: Sequence[Service], say: Say) -> int:
    """Start servers, wait until SIGINT or SIGTERM, stop them. 0 after that.

    Unavailable when one does not start, HeadwaterError when one ends later; the others are stopped then, too.
    A second signal kills what still stops.
    """
    with _signals() as asked:
        try:
            for server in servers:
                server.start()
                say(server.name, "starting")
            if not _started(servers, say, asked):
                return 0
            print("Ctrl-C stops everything", flush=True)
            while not asked:
                time.sleep(POLL_S)
                for server in servers:
                    if server.exit_code is not None:
                        _print_log(server.name, server.logs())
                        raise HeadwaterError(f"{server.name} ended by itself with exit code {server.exit_code}")
        except NotStarted as error:
            _print_log(error.what.partition(" ")[0], error.said)
            raise Unavailable(f"{error.what}; see above for what it said") from None
        finally:
            _stop(servers, say, asked)
    return 0


def _started(servers: Sequence[Service], say: Say, asked: list[int]) -> bool:
    """Wait until all answer, and say how to use each that does; False when a stop was asked for first."""
    began = time.monotonic()
    waiting, told = list(servers), began
    while waiting and not asked:
        now = time.monotonic()
        for server in [server for server in waiting if server.is_ready()]:
            waiting.remove(server)
            say(server.name, f"ready after {now - began:.1f} s")
            for name, address in server.addresses.items():
                say(server.name, f"  {name:<11}{address}")
            for line in server.usage:
                say(server.name, f"  {line}")
        if now - told > STILL_S:
            told = now
            for server in waiting:
                say(server.name, f"still starting after {now - began:.0f} s")
        if now - began > START_S_MAX and waiting:
            raise NotStarted(f"{waiting[0].name} did not answer within {START_S_MAX:.0f} s", waiting[0].logs())
        time.sleep(POLL_S)
    return not asked


def _stop(servers: Sequence[Service], say: Say, asked: list[int]) -> None:
    """SIGTERM to all at once; SIGKILL when that takes too long, or another signal comes."""
    running = [server for server in servers if server.pid is not None]
    already = len(asked)
    for server in running:
        server.terminate()
    deadline = time.monotonic() + STOP_S_MAX
    while any(server.exit_code is None for server in running) and len(asked) == already:
        if time.monotonic() > deadline:
            break
        time.sleep(POLL_S)
    for server in running:
        server.kill()
        say(server.name, "stopped")


def _print_log(name: str, said: str) -> None:
    for line in said.splitlines():
        print(f"{name}: {line}", file=sys.stderr)


@contextmanager
def _signals() -> Iterator[list[int]]:
    """The signals to stop that have come."""
    asked: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        asked.append(number)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
