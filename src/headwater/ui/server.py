"""The process that shows the dashboard: one uvicorn worker on a Unix socket."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from headwater.model.errors import Unavailable
from headwater.ui.options import UiOptions
from headwater.wire.unix_socket import short_address

if TYPE_CHECKING:
    from fastapi import FastAPI

WARM_AFTER_S = 5.0
"""The libraries of the pages are loaded when a browser first asks, and without one after this: who starts many
servers, or looks at none, does not wait for a second of computing."""
STOP_TIMEOUT_S = 2
KEPT_S = 60
"""Longer than the API keeps a connection to this process that it does not use: who closes it first must not be us, or a
question that is just on its way is lost."""


def listen(path: Path) -> socket.socket:
    """The bound socket, in place of what an earlier process left; Unavailable when it cannot be."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with short_address(path) as address:
            sock.bind(address)
        os.chmod(path, 0o600)
        sock.listen(128)
    except OSError as error:
        sock.close()
        raise Unavailable(f"the dashboard cannot listen on {path}: {error.strerror or error}") from error
    return sock


async def run(options: UiOptions, stop: asyncio.Event) -> None:
    """Show the dashboard until `stop` is set."""
    with listen(Path(options.socket)) as sock:
        await _asked(sock, stop)
        if not stop.is_set():
            from headwater.ui.app import create_app

            await _serve(create_app(options), sock, stop)


async def _asked(sock: socket.socket, stop: asyncio.Event) -> None:
    """Wait until a browser comes, or it is time, or over."""
    loop = asyncio.get_running_loop()
    come = asyncio.Event()
    loop.add_reader(sock, come.set)
    waiting = [asyncio.create_task(event.wait()) for event in (come, stop)]
    await asyncio.wait(waiting, timeout=WARM_AFTER_S, return_when=asyncio.FIRST_COMPLETED)
    loop.remove_reader(sock)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def _serve(app: "FastAPI", sock: socket.socket, stop: asyncio.Event) -> None:
    import uvicorn

    class Server(uvicorn.Server):
        """Uvicorn without its signal handlers: the process has its own."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    server = Server(
        uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=False,  # The API has one already.
            http="h11",
            ws="websockets-sansio",
            timeout_keep_alive=KEPT_S,
            timeout_graceful_shutdown=STOP_TIMEOUT_S,
        )
    )

    async def stopper() -> None:
        await stop.wait()
        server.should_exit = True

    watching = asyncio.create_task(stopper())
    try:
        await server.serve([sock])
    finally:
        watching.cancel()
