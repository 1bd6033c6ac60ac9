"""A query sent to the server, its answer read while it comes; closing it cancels the query."""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import httpx
import msgspec

from headwater.client.replies import refusal, reply_of, server_url
from headwater.model.errors import ConfigError, HeadwaterError, Rejected, Unavailable

CONNECT_S = 10.0
STANDARD_OUTPUT = Path("-")


class Answer:
    """An answer that has begun."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    @property
    def truncated(self) -> str | None:
        """What cut the answer: rows or bytes."""
        found = self._response.headers.get("headwater-truncated")
        return None if found is None else str(found)

    @property
    def rows(self) -> int | None:
        found = self._response.headers.get("headwater-rows")
        return None if found is None else int(found)

    def parts(self) -> Iterator[bytes]:
        """Its bytes; HeadwaterError when they break off."""
        try:
            yield from self._response.iter_bytes()
        except httpx.TransportError as error:
            raise HeadwaterError(
                f"the answer broke off ({str(error) or type(error).__name__}): the server's log, or the same query"
                " without streaming, says why"
            ) from None

    def body(self) -> bytes:
        return b"".join(self.parts())


@contextmanager
def asking_sql(server: str, question: Mapping[str, object], path: str = "/v1/query") -> Iterator[Answer]:
    """Send a query; ConfigError with the server's sentence when it is wrong, Unavailable when nobody answers."""
    base = server_url(server)
    timeout = httpx.Timeout(None, connect=CONNECT_S)
    body = msgspec.json.encode(question)
    with httpx.Client(timeout=timeout, trust_env=False, verify=base.startswith("https:")) as client:
        try:
            request = client.build_request(
                "POST", f"{base}{path}", content=body, headers={"Content-Type": "application/json"}
            )
            response = client.send(request, stream=True)
        except httpx.TransportError as error:
            said = str(error) or type(error).__name__
            raise Unavailable(f"no server answers at {base}: {said}; --server URL names another server") from None
        try:
            if response.status_code != 200:
                _refuse(response)
            yield Answer(response)
        finally:
            response.close()


def _refuse(response: httpx.Response) -> None:
    error = refusal(reply_of(response.status_code, response.headers, response.read()))
    raise ConfigError(error.detail) if isinstance(error, Rejected) else error


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file that gets its name when it is complete; what was there before stays until then.

    Links are followed. `-` is standard output; what is no file, such as a pipe or /dev/stdout, is written to as it is.
    ConfigError when it cannot be written.
    """
    if path == STANDARD_OUTPUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if path.is_dir():
        raise ConfigError(f"{path} is a folder: name a file in it")
    if (path.exists() and not path.is_file()) or path.is_relative_to("/dev"):
        with path.open("wb") as device:
            yield device
        return
    path = path.resolve()
    folder = path.parent
    if not folder.is_dir():
        raise ConfigError(f"{path} cannot be written: there is no folder {folder}")
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
