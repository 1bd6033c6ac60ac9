"""What a server answers, and which of our errors an answer is."""

import json
import re
from collections.abc import Mapping
from typing import NamedTuple

from headwater.model.errors import ConfigError, HeadwaterError, NotFound, Rejected, Unavailable

DEFAULT_SERVER = "http://127.0.0.1:5000"
BODY_BYTES_MAX = 256 << 20
_PROBLEM = "urn:headwater:problem:"
_URL = re.compile(r"https?://[^/\s]+", re.ASCII)
_NEXT = re.compile(r'<(/[^<>\s]*)>; rel="next"', re.ASCII)


class Reply(NamedTuple):
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    """By their names in lower case."""
    body: bytes

    def checked(self) -> "Reply":
        """The same, when it is what was asked for; otherwise it is raised as the error that it tells of."""
        if self.status in (200, 201, 204):
            return self
        raise refusal(self)


def reply_of(status: int, headers: Mapping[str, str], body: bytes) -> Reply:
    return Reply(status, {name.lower(): value for name, value in headers.items()}, body)


def refusal(reply: Reply) -> HeadwaterError:
    """The error that an answer tells of: NotFound at 404, Rejected at another 4xx, Unavailable at 503."""
    said, reason = _said(reply.body)
    said = said or f"status {reply.status}"
    if reply.status == 404:
        return NotFound(said)
    if reply.status == 503:
        return Unavailable(f"the server cannot answer now: {said}", _seconds(reply.headers.get("retry-after")))
    if 400 <= reply.status < 500:
        return Rejected(reason or str(reply.status), said)
    return HeadwaterError(f"the server failed with status {reply.status}: {said}")


def unanswered(base: str, error: Exception) -> Unavailable:
    """The error when nobody answers."""
    return Unavailable(f"no server answers at {base}: {str(error) or type(error).__name__}")


def too_long() -> HeadwaterError:
    return HeadwaterError(f"the answer is longer than {BODY_BYTES_MAX >> 20} MiB")


def next_path(reply: Reply) -> str | None:
    """Where the next page is (RFC 8288), or None."""
    found = _NEXT.search(reply.headers.get("link", ""))
    return found.group(1) if found else None


def server_url(server: str) -> str:
    """The start of all URLs of a server, which may be given as host:port; ConfigError when it is no address."""
    text = server.strip().rstrip("/")
    text = text if "://" in text else f"http://{text}"
    text = text.removesuffix("/v1")
    if not _URL.fullmatch(text):
        raise ConfigError(f'"{server}" is not the URL of a server, such as {DEFAULT_SERVER}')
    return text


def _said(body: bytes) -> tuple[str, str]:
    """What a body says, and its reason: a text of 2018, bare or as one JSON string, or a problem (RFC 9457)."""
    text = body[: 64 << 10].decode("utf-8", "replace")
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return text[:500], ""
    if not isinstance(said, dict):
        return str(said)[:500], ""
    kind = str(said.get("type") or "")
    reason = kind.removeprefix(_PROBLEM) if kind.startswith(_PROBLEM) else ""
    return str(said.get("detail") or said.get("title") or "")[:500], reason


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isascii() and text.isdigit() else None
