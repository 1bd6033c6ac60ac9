"""What systemd is told: that a process serves, that its loop turns, and that it stops."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from headwater.wire.notify import ALIVE, READY, STOPPING, Notifier, serving


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[socket.socket]:
    """Where systemd would listen."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as made:
        made.bind(str(tmp_path / "notify"))
        made.settimeout(30)
        yield made


def environment(listening: socket.socket, **more: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": listening.getsockname(), **more}


def test_a_process_says_that_it_serves_turns_and_stops(listening: socket.socket) -> None:
    async def run() -> None:
        async with serving(Notifier(environment(listening, WATCHDOG_USEC="20000"))):
            heard = [await asyncio.to_thread(listening.recv, 100) for _ in range(4)]
        assert heard == [READY, ALIVE, ALIVE, ALIVE]

    asyncio.run(run())
    while (last := listening.recv(100)) == ALIVE:
        pass
    assert last == STOPPING


def test_a_loop_that_stands_still_says_nothing(listening: socket.socket) -> None:
    async def run() -> None:
        async with serving(Notifier(environment(listening, WATCHDOG_USEC="20000"))):
            assert [await asyncio.to_thread(listening.recv, 100) for _ in range(2)] == [READY, ALIVE]
            # From here on the loop stands: what it said before is heard first.
            listening.settimeout(0.2)
            with contextlib.suppress(TimeoutError):
                listening.recv(100)
            with pytest.raises(TimeoutError):
                listening.recv(100)

    asyncio.run(run())


def test_a_watchdog_of_another_process_is_not_fed(listening: socket.socket) -> None:
    meant = environment(listening, WATCHDOG_USEC="20000", WATCHDOG_PID=str(os.getpid()))
    assert Notifier(meant).every_s == 0.01
    assert Notifier(meant, pid=os.getpid() + 1).every_s is None


def test_a_socket_without_a_file_is_found() -> None:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as made:
        made.bind(f"\0headwater-notify-{os.getpid()}")
        made.settimeout(30)
        Notifier({"NOTIFY_SOCKET": f"@headwater-notify-{os.getpid()}"}).say(READY)
        assert made.recv(100) == READY


@pytest.mark.parametrize("place", ["", "/nowhere/at/all"])
def test_where_nobody_listens_nothing_is_said(place: str) -> None:
    Notifier({"NOTIFY_SOCKET": place, "WATCHDOG_USEC": "1000"}).say(READY)
    assert Notifier({"WATCHDOG_USEC": "1000"}).every_s is None
