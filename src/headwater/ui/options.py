"""What the process that shows the dashboard can be told."""

import msgspec


class UiOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The dashboard of one server."""

    socket: str
    """The Unix socket it listens on; the API passes browsers on to it."""
    api: str
    """The URL of the REST API."""
    site: str = "default"
