"""The body of a POST: its type, its decompression, and bounds on what is held of all bodies at once."""

import zlib
from collections.abc import Mapping
from http import HTTPStatus

from headwater.pipeline.payloads import Format

BODIES_BYTES_MAX = 32 << 20
"""What all bodies under way may take together."""
CHUNK_BYTES = 1 << 16
FORMATS: dict[str, Format] = {
    "application/json": "json",
    "application/x-ndjson": "ndjson",
    "application/senml+json": "senml",
    "text/csv": "csv",
}


class Refusal(Exception):
    """A request that is answered with a problem."""

    def __init__(self, status: HTTPStatus, reason: str, detail: str, retry_after_s: int | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.reason = reason
        self.detail = detail
        self.retry_after_s = retry_after_s


def format_of(headers: Mapping[str, str]) -> Format:
    """The format that a Content-Type names; Refusal(415) when it is none of ours."""
    kind, _, parameters = headers.get("content-type", "").partition(";")
    found = FORMATS.get(kind.strip().lower())
    if found is None:
        known = ", ".join(FORMATS)
        raise Refusal(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "content-type", f"Content-Type {kind[:80]!r}; one of {known} is needed."
        )
    charset = dict(_parameter(text) for text in parameters.split(";")).get("charset", "utf-8")
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise Refusal(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "content-type", f"charset {charset[:40]!r}; only UTF-8 is read."
        )
    return found


def _parameter(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip().lower(), value.strip().strip('"').lower()


class Held:
    """Bytes held of all bodies."""

    def __init__(self) -> None:
        self.bytes = 0


class Body:
    """One body, gathered chunk by chunk and decompressed on the way. Refusal when it is too much."""

    def __init__(self, headers: Mapping[str, str], bytes_max: int, held: Held) -> None:
        self._bytes_max = bytes_max
        self._held = held
        self._data = bytearray()
        self._inflate = _decompressor(headers)
        length = headers.get("content-length", "0")
        if self._inflate is None and length.isdecimal() and int(length[:20]) > bytes_max:
            raise self._too_large()

    def add(self, chunk: bytes) -> None:
        """Take a chunk as it came."""
        if self._inflate is None:
            self._keep(chunk)
            return
        while chunk:
            try:
                self._keep(self._inflate.decompress(chunk, CHUNK_BYTES))
            except zlib.error as error:
                raise Refusal(HTTPStatus.BAD_REQUEST, "gzip", f"The body is not gzip: {error}.") from None
            chunk = self._inflate.unconsumed_tail
            if self._inflate.eof:
                chunk = self._inflate.unused_data
                if chunk:
                    self._inflate = _gzip()  # A file may be several members in a row.

    def _keep(self, data: bytes) -> None:
        if len(self._data) + len(data) > self._bytes_max:
            raise self._too_large()
        if self._held.bytes + len(data) > BODIES_BYTES_MAX:
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "busy", "Too many large bodies at once.", retry_after_s=1)
        self._held.bytes += len(data)
        self._data += data

    def whole(self) -> bytes:
        """All of it, once the last chunk has come."""
        if self._inflate is not None and not self._inflate.eof:
            raise Refusal(HTTPStatus.BAD_REQUEST, "gzip", "The body ends within its gzip data.")
        return bytes(self._data)

    def close(self) -> None:
        """Give back what it held."""
        self._held.bytes -= len(self._data)
        self._data = bytearray()

    def _too_large(self) -> Refusal:
        return Refusal(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "size", f"The body has more than {self._bytes_max} bytes: send parts."
        )


def _decompressor(headers: Mapping[str, str]) -> "zlib._Decompress | None":
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding in ("gzip", "x-gzip"):
        return _gzip()
    if coding not in ("identity", ""):
        raise Refusal(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "content-encoding", f"Content-Encoding {coding[:40]!r}; gzip or none."
        )
    return None


def _gzip() -> "zlib._Decompress":
    return zlib.decompressobj(31)
