"""Under which names the server may be asked, and by whose pages.

A page of any site can make a browser ask whatever the browser reaches, this server too. It reads the answers once its
own name leads here (DNS rebinding), and it may change something without reading any answer. A browser tells both: by
the name in `Host` (RFC 9110, section 7.2), and by the site of the page in `Origin` (RFC 6454, section 7).
"""

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from headwater.api.problems import problem

LOCALHOST = "localhost"
_ONLY_READS = frozenset(("GET", "HEAD", "OPTIONS"))


class Hosts:
    """Stands before an application, and refuses what came under another's name or from another's page."""

    def __init__(self, app: ASGIApp, listen: str, names: Iterable[str]) -> None:
        """`listen` is the server's own host:port, `names` are what else it is called. Without any a server that other
        machines reach may have whatever name they know it by."""
        self._app = app
        self._names = frozenset(name.lower() for name in names)
        self._any = not self._names and not _is_loopback(_host_of(listen))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] in ("http", "websocket") else None
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close"})  # Before it was accepted: the handshake gets 403.
        else:
            status, said = refusal
            await problem(status, said, "host" if status == 421 else "origin")(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """A status and a sentence; None for what may pass."""
        headers = Headers(scope=scope)
        named = headers.get("host", "")
        host = _host_of(named)
        if named and not (self._any or self._is_ours(host)):
            return 421, (
                f"This server is not called {named[:200]!r}: ask it by an address, as localhost, or by a name in"
                " `hosts` of the topology's server."
            )
        origin = headers.get("origin")
        if origin is None or (scope["type"] == "http" and scope["method"] in _ONLY_READS):
            return None
        asking = _host_of(origin.partition("://")[2])
        if asking and (asking == host or asking in self._names):
            return None
        return 403, (
            f"A page of {origin[:200]!r} may not change anything here: its host is not {host[:200]!r}, nor is it in"
            " `hosts` of the topology's server."
        )

    def _is_ours(self, host: str) -> bool:
        # Nobody can make an address lead here, nor a name below localhost lead anywhere else (RFC 6761, section 6.3).
        return host in (LOCALHOST, *self._names) or host.endswith(f".{LOCALHOST}") or _is_address(host)


def _host_of(authority: str) -> str:
    """The host of `host:port` or `host`, in lower case; of an IPv6 address without its brackets."""
    try:
        return (urlsplit(f"//{authority}").hostname or "").removesuffix(".")
    except ValueError:
        return authority


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host == LOCALHOST or (_is_address(host) and ip_address(host).is_loopback)
