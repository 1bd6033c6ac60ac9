"""The HTTP listener of a gateway: uvicorn on the gateway's loop."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

from headwater.model.errors import ConfigError, Unavailable
from headwater.pipeline.http import HttpInlet

CONNECTIONS_MAX = 512
STOP_S = 2


def check_installed() -> None:
    """ConfigError when the HTTP server is not there."""
    try:
        import uvicorn  # noqa: F401
    except ImportError:
        raise ConfigError('http_listen needs uvicorn: pip install "headwater[http]"') from None


def listen(address: str) -> socket.socket:
    """The bound socket of a host:port; Unavailable when it cannot be had."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's delay off only where the protocol is named, and it would cost 40 ms an answer.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, int(port)))
        sock.listen()  # Who comes before the server does waits.
    except OSError as error:
        sock.close()
        raise Unavailable(f"cannot listen for HTTP on {address}: {error.strerror or error}") from error
    return sock


async def serve(inlet: HttpInlet, sock: socket.socket) -> None:
    """Answer on a bound socket until cancelled; requests under way are answered first."""
    import uvicorn

    class Server(uvicorn.Server):
        """Uvicorn without its signal handlers: the gateway has its own."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    server = Server(
        uvicorn.Config(
            inlet,
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            interface="asgi3",
            limit_concurrency=CONNECTIONS_MAX,
            timeout_graceful_shutdown=STOP_S,
        )
    )
    serving = asyncio.create_task(server.serve([sock]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise
    finally:
        sock.close()
