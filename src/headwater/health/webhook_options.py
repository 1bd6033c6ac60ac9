"""Where alarms are posted to: the options of `[server.webhook]`."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta


class WebhookOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A web server that wants to hear of alarms."""

    url: str
    """http:// or https://, where each alarm is posted as a CloudEvent."""
    authorization_file: Path | None = None
    """A file with the value of the Authorization header."""
    timeout_s: Annotated[float, Meta(gt=0, le=60)] = 10.0
    """How long one attempt may take."""
    retry_s_max: Annotated[float, Meta(ge=1, le=3600)] = 60.0
    """The longest wait between two attempts; what is not taken is tried for as long as the server runs, and on."""

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            parts.port  # noqa: B018 looks at the port
        except ValueError as error:
            raise ValueError(f"url is no URL: {error}") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"url = {self.url!r} must be http://HOST/PATH or https://HOST/PATH")
