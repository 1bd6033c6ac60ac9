"""The API process: one uvicorn worker on one socket, stopped by an event or a signal."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from headwater.api.app import create_app
from headwater.api.crowd import Crowd
from headwater.api.options import ApiOptions
from headwater.api.readings import AgentClients
from headwater.model.errors import ConfigError, Unavailable
from headwater.store.port import Reader


class _Server(uvicorn.Server):
    """Uvicorn without its own signal handlers, which end the process by the signal instead of normally."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(options: ApiOptions) -> socket.socket:
    """The bound socket; ConfigError when the address is none, Unavailable when it is taken."""
    host, _, port = options.listen.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) <= 0xFFFF and host):
        raise ConfigError(f'the API cannot listen on "{options.listen}": host:port is needed')
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's delay off only where the protocol is named, and it would cost 40 ms an answer.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, int(port)))
        sock.listen()
    except OSError as error:
        sock.close()
        raise Unavailable(f"the API cannot listen on {options.listen}: {error.strerror}") from error
    return sock


async def serve(app: FastAPI, options: ApiOptions, sock: socket.socket, stop: asyncio.Event) -> None:
    """Answer on a bound socket until `stop` is set and the requests under way are done."""
    server = _Server(
        uvicorn.Config(
            Crowd(app, lambda: len(server.server_state.connections), options.connections_max),
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="on",
            http="h11",
            ws="websockets-sansio",
            timeout_graceful_shutdown=options.stop_timeout_s,
        )
    )

    async def stopper() -> None:
        await stop.wait()
        # Streams have no end of their own, and a server waits for what is under way.
        app.state.live.stop()
        server.should_exit = True

    watching = asyncio.create_task(stopper())
    try:
        await server.serve([sock])
    finally:
        watching.cancel()


def run(
    options: ApiOptions,
    open_reader: Callable[[], Reader],
    now_ms: Callable[[], int],
    version: str,
    started: Callable[[str], None] = lambda address: None,
) -> None:
    """Be the API process until SIGTERM or SIGINT. `started` is told the address once it is bound."""
    asyncio.run(_run(options, open_reader, now_ms, version, started))


async def _run(
    options: ApiOptions,
    open_reader: Callable[[], Reader],
    now_ms: Callable[[], int],
    version: str,
    started: Callable[[str], None],
) -> None:
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    agents = AgentClients(options.agent_timeout_s)
    app = create_app(open_reader, agents, now_ms, version, options)
    with listen(options) as sock:
        host, port = sock.getsockname()[:2]
        started(f"{host}:{port}")
        try:
            await serve(app, options, sock, stop)
        finally:
            await agents.close()
