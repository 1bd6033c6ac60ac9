"""The id provider: hands out ids over HTTP, each once, whatever happens to it.

Port, start id and digits are those of 2018; the path of 2018 is not known, so this one is ours.
"""

import http.server
import logging
import socket
import sys
import threading
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from headwater.emulator.sensor_ids import IDS_MAX, PATH, Handed
from headwater.log.checked import read_checked, replace_checked
from headwater.log.disk import Disk
from headwater.model.errors import ConfigError, NotFound, Unavailable

NEXT = "next-id"
CONNECTIONS_MAX = 32
SILENCE_S_MAX = 5.0

_logger = logging.getLogger(__name__)


class Exhausted(Exception):
    """There are not so many ids of this number of digits left."""


class Counter:
    """Ids in order; each is remembered as handed out before it is."""

    def __init__(self, disk: Disk, start_id: str) -> None:
        """Go on where the disk says; ConfigError when it cannot say."""
        self._disk = disk
        self._digits = len(start_id)
        self._lock = threading.Lock()
        self._next = max(int(start_id), self._handed_out())

    def _handed_out(self) -> int:
        try:
            line = read_checked(self._disk, NEXT)
        except NotFound:
            return 0
        if line is None or not line.isdigit():
            raise ConfigError(
                f"the file {NEXT!r} cannot be read: give another folder, and a start id behind all that were handed out"
            )
        return int(line)

    @property
    def next(self) -> str:
        """The id that the next one who asks gets."""
        return self._text(self._next)

    def take(self, count: int) -> tuple[str, ...]:
        """So many ids that nobody else gets; Exhausted, or OSError when the disk refuses: then none was taken."""
        with self._lock:
            first, end = self._next, self._next + count
            if end > 10**self._digits:
                raise Exhausted(f"{10**self._digits - first} ids of {self._digits} digits are left, not {count}")
            replace_checked(self._disk, NEXT, str(end).encode())
            self._next = end
        return tuple(self._text(number) for number in range(first, end))

    def _text(self, number: int) -> str:
        return f"{number:0{self._digits}d}"


class IdServer(http.server.ThreadingHTTPServer):
    """The HTTP face of a counter: POST /v1/ids?count=N hands ids out, GET /v1/ids shows the next one."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, counter: Counter, host: str, port: int) -> None:
        """Listen; Unavailable when that cannot be."""
        self.counter = counter
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._free = threading.BoundedSemaphore(CONNECTIONS_MAX)
        try:
            super().__init__((host, port), Handler)
        except OSError as error:
            raise Unavailable(f"{host}:{port} cannot be listened on: {error.strerror or error}") from error

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, once one of the few is free."""
        self._free.acquire()
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer; then another may."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, or is silent, costs only itself."""
        _logger.debug("a request of %s was not finished: %s", client_address, sys.exc_info()[1])


class Handler(http.server.BaseHTTPRequestHandler):
    """One request of one client."""

    server: IdServer
    server_version = "headwater"
    timeout = SILENCE_S_MAX

    def do_POST(self) -> None:
        """Hand out ids."""
        query = self._query()
        if query is None:
            return
        count = query.get("count", ["1"])[-1]
        if set(query) - {"count"} or not (count.isascii() and count.isdigit() and 1 <= int(count[:9]) <= IDS_MAX):
            self._refuse(HTTPStatus.BAD_REQUEST, f"{PATH} takes count=1 to count={IDS_MAX} and nothing else")
            return
        try:
            ids = self.server.counter.take(int(count))
        except Exhausted as error:
            self._refuse(HTTPStatus.CONFLICT, str(error))
        except OSError as error:
            _logger.error("no ids are handed out: %s", error)
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, f"the disk refuses: {error.strerror}")
        else:
            self._answer(HTTPStatus.OK, Handed(ids))

    def do_GET(self) -> None:
        """Show which id is next; nothing is handed out."""
        if self._query() is not None:
            self._answer(HTTPStatus.OK, {"next": self.server.counter.next})

    def _query(self) -> dict[str, list[str]] | None:
        """The parameters of a request for ids; anything else is answered here."""
        asked = urlsplit(self.path)
        if asked.path == PATH:
            return parse_qs(asked.query, keep_blank_values=True)
        self._refuse(HTTPStatus.NOT_FOUND, f"POST {PATH}?count=N hands out ids, GET {PATH} shows the next one")
        return None

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        self._answer(status, {"detail": detail})

    def _answer(self, status: HTTPStatus, document: object) -> None:
        body = msgspec.json.encode(document) + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the base class refuses, such as another method, is refused like everything else."""
        self.close_connection = True
        if code == HTTPStatus.NOT_IMPLEMENTED:
            self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, f"{PATH} answers POST and GET")
        else:
            self._refuse(HTTPStatus(code), message or HTTPStatus(code).phrase)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are told only to those who want to know more."""
        _logger.debug(format, *args)
