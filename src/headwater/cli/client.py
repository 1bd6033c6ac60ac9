"""A client of the REST API: GET and POST, and their failures as our errors."""

import http.client
import json
import re
import urllib.error
import urllib.request
from typing import TypeVar

import msgspec

from headwater.model.errors import ConfigError, HeadwaterError, NotFound, Unavailable

SERVER_KEY = "HEADWATER_SERVER"
"""The environment variable that names the server when --server does not."""
DEFAULT_SERVER = "http://127.0.0.1:5000"
BODY_BYTES_MAX = 256 << 20
TIMEOUT_S = 60.0

T = TypeVar("T")

_URL = re.compile(r"https?://[^/\s]+", re.ASCII)


def get(server: str, path: str) -> bytes:
    """The body that a server answers at a path.

    NotFound at 404, ConfigError at another 4xx, Unavailable when nobody answers or at 503, HeadwaterError otherwise.
    """
    return _ask(server, path, None)


def post(server: str, path: str, body: bytes) -> bytes:
    """The body that a server answers to a JSON body; raises as `get` does."""
    return _ask(server, path, body)


def _ask(server: str, path: str, question: bytes | None) -> bytes:
    base = server_url(server)
    request = urllib.request.Request(
        f"{base}{path}", question, {"Content-Type": "application/json"} if question else {}
    )
    # Servers of ours are near; a proxy for the web would only be in the way.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(request, timeout=TIMEOUT_S) as answer:
            body: bytes = answer.read(BODY_BYTES_MAX + 1)
    except urllib.error.HTTPError as error:
        with error:
            raise _refused(error.code, error.read(64 * 1024)) from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise Unavailable(f"no server answers at {base}: {reason}; --server URL names another") from None
    if len(body) > BODY_BYTES_MAX:
        raise HeadwaterError(f"the answer is longer than {BODY_BYTES_MAX >> 20} MiB")
    return body


def read(body: bytes, kind: type[T]) -> T:
    """A body as a value; HeadwaterError when it is not what our servers say."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise HeadwaterError(f"the answer is not one of a Headwater server: {error}") from None
    except RecursionError:
        raise HeadwaterError("the answer is nested too deep to be shown: --json prints it") from None


def server_url(server: str) -> str:
    """The start of all URLs of a server, which may be given as host:port; ConfigError when it is no address."""
    text = server.strip().rstrip("/")
    text = text if "://" in text else f"http://{text}"
    text = text.removesuffix("/v1")
    if not _URL.fullmatch(text):
        raise ConfigError(f'"{server}" is not the URL of a server, such as {DEFAULT_SERVER}')
    return text


def _refused(status: int, body: bytes) -> HeadwaterError:
    said = _sentence(body) or f"status {status}"
    if status == 404:
        return NotFound(said)
    if status == 503:
        return Unavailable(f"the server cannot answer now: {said}")
    if 400 <= status < 500:
        return ConfigError(said)
    return HeadwaterError(f"the server failed with status {status}: {said}")


def _sentence(body: bytes) -> str:
    """What a body says: the text of 2018, bare or as one JSON string, or the detail of a problem."""
    text = body.decode("utf-8", "replace")
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return text[:500]
    if isinstance(said, dict):
        said = said.get("detail") or said.get("title") or ""
    return str(said)[:500]
