"""Headwater: sensor readings with exact provenance."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headwater.client import AsyncClient, Client

__all__ = ["AsyncClient", "Client", "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """The clients are imported when they are first named: they need httpx, which gateways do not have."""
    if name not in ("AsyncClient", "Client"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from headwater import client
    except ModuleNotFoundError as error:
        if error.name != "httpx":
            raise
        raise ImportError('the client needs httpx: pip install "headwater[client]"') from error
    found: object = getattr(client, name)
    return found
