"""What the process that shows the dashboard can be told."""

from typing import Literal

import msgspec

Language = Literal["sql", "cql"]


class UiOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The dashboard of one server."""

    socket: str
    """The Unix socket it listens on; the API passes browsers on to it."""
    api: str
    """The URL of the REST API."""
    site: str = "default"
    languages: tuple[Language, ...] = ("sql",)
    """What may be asked in, the usual one first."""
