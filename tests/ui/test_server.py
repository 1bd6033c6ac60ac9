"""The process of the dashboard: where it listens, and when it loads what pages need."""

import asyncio
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from headwater.model.errors import Unavailable
from headwater.ui import server
from headwater.wire.unix_socket import short_address

PATIENCE_S = 60.0


WITHOUT_A_BROWSER = """
import asyncio, sys
from headwater.ui.options import UiOptions
from headwater.ui.server import run

stop = asyncio.Event()
stop.set()
asyncio.run(run(UiOptions(api="http://127.0.0.1:1", socket=sys.argv[1]), stop))
print(sorted({"nicegui", "fastapi", "uvicorn"} & set(sys.modules)))
"""


def reach(path: Path) -> None:
    """Connect to a listening path, and leave."""
    with socket.socket(socket.AF_UNIX) as client, short_address(path) as address:
        client.connect(address)


@pytest.mark.parametrize("folder", ["new/folder", "n" * 120], ids=["new", "long"])
def test_it_listens_for_its_own_user_only_in_a_folder_that_it_makes(tmp_path: Path, folder: str) -> None:
    path = tmp_path / folder / "ui.sock"
    with server.listen(path) as sock:
        reach(path)
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        sock.accept()[0].close()


def test_it_takes_the_place_of_a_socket_that_an_earlier_process_left(tmp_path: Path) -> None:
    path = tmp_path / "ui.sock"
    server.listen(path).close()
    with pytest.raises(ConnectionRefusedError):
        reach(path)

    with server.listen(path):
        reach(path)


def test_where_it_cannot_listen_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(Unavailable, match=r"the dashboard cannot listen on .*file/ui\.sock: "):
        server.listen(tmp_path / "file" / "ui.sock")


def waited(path: Path, warm_after_s: float, meanwhile: Callable[[asyncio.Event], Awaitable[None]]) -> bool:
    """Whether the process was still waiting to be asked when it had been left alone, and that it then went on."""

    async def run() -> bool:
        stop = asyncio.Event()
        with server.listen(path) as sock:
            waiting = asyncio.create_task(server._asked(sock, stop))
            await asyncio.sleep(0.1)
            was_waiting = not waiting.done()
            await meanwhile(stop)
            await asyncio.wait_for(waiting, PATIENCE_S)
            return was_waiting

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "WARM_AFTER_S", warm_after_s)
        return asyncio.run(run())


def test_pages_are_loaded_when_a_browser_asks(tmp_path: Path) -> None:
    async def ask(_: asyncio.Event) -> None:
        reach(tmp_path / "ui.sock")

    assert waited(tmp_path / "ui.sock", 3600.0, ask)


def test_pages_are_loaded_after_a_while_without_a_browser(tmp_path: Path) -> None:
    async def nothing(_: asyncio.Event) -> None:
        pass

    assert not waited(tmp_path / "ui.sock", 0.0, nothing)


def test_a_process_that_is_told_to_stop_loads_no_pages(tmp_path: Path) -> None:
    async def tell(stop: asyncio.Event) -> None:
        stop.set()

    assert waited(tmp_path / "ui.sock", 3600.0, tell)


def test_without_a_browser_no_library_of_the_pages_is_loaded(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_A_BROWSER, str(tmp_path / "ui.sock")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=True)

    assert done.stdout == "[]\n"
