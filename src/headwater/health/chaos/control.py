"""How faults are asked for: lines of JSON over a Unix socket in the folder of a run.

At one end is who runs a scenario, at the other the supervisor of the processes.

Whoever puts a fault in holds the run until the connection ends, and the end of the connection heals everything:
however a run of chaos ends, nothing stays broken.
"""

import contextlib
import logging
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from headwater.health.chaos.scenario import Fault, Place
from headwater.model.errors import ConfigError, HeadwaterError, Rejected, Unavailable
from headwater.wire.unix_socket import short_address

LINE_BYTES_MAX = 1 << 16
CONNECTIONS_MAX = 16
TIMEOUT_S = 60.0
"""How long putting in or healing a fault may take."""

_logger = logging.getLogger(__name__)


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request."""

    do: Literal["places", "inject", "heal"]
    fault: Fault | None = None


class Said(msgspec.Struct, frozen=True):
    """Its answer."""

    at_ns: int = 0
    """When the fault was put in or healed, by the system's monotonic clock."""
    places: tuple[Place, ...] = ()
    error: str = ""
    is_refusal: bool = False
    """Asking again does not help."""


class Doer(Protocol):
    """Who does what is asked."""

    def places(self) -> list[Place]:
        """The nodes that faults can be put into."""
        ...

    def inject(self, fault: Fault) -> int:
        """Put a fault in; when, in ns of the monotonic clock. Unavailable when that cannot be now, ConfigError or
        Rejected when never."""
        ...

    def heal(self) -> int:
        """Take every fault out; when that began."""
        ...


class ControlServer:
    """The supervisor's end."""

    def __init__(self, path: Path, doer: Doer) -> None:
        self._path = path
        self._doer = doer
        self._connections: set[socket.socket] = set()
        self._holder: socket.socket | None = None
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Take requests until left; then everything is healed."""
        self._path.unlink(missing_ok=True)
        with short_address(self._path) as name, socket.socket(socket.AF_UNIX) as listener:
            listener.bind(name)
            os.chmod(self._path, 0o600)
            listener.listen()
            accepting = threading.Thread(target=self._accept, args=(listener,), daemon=True)
            accepting.start()
            try:
                yield
            finally:
                with contextlib.suppress(OSError):
                    listener.shutdown(socket.SHUT_RDWR)
                with self._lock:
                    for connection in self._connections:
                        with contextlib.suppress(OSError):
                            connection.shutdown(socket.SHUT_RDWR)
                accepting.join()
                with self._lock:
                    self._heal()
                self._path.unlink(missing_ok=True)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                if len(self._connections) >= CONNECTIONS_MAX:
                    connection.close()
                    continue
                self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection.makefile("rb") as lines, contextlib.suppress(OSError):
                while line := lines.readline(LINE_BYTES_MAX):
                    connection.sendall(msgspec.json.encode(self._answer(connection, line)) + b"\n")
        finally:
            with self._lock:
                self._connections.discard(connection)
                if self._holder is connection:
                    self._heal()
                    self._holder = None
            connection.close()

    def _heal(self) -> None:
        try:
            self._doer.heal()
        except (HeadwaterError, OSError) as error:
            _logger.error("a fault could not be healed: %s", error)

    def _answer(self, connection: socket.socket, line: bytes) -> Said:
        try:
            asked = msgspec.json.decode(line, type=Asked)
        except msgspec.DecodeError as error:
            return Said(error=f"not understood: {error}", is_refusal=True)
        if asked.do == "places":
            return Said(places=tuple(self._doer.places()))
        with self._lock:
            if self._holder not in (None, connection):
                return Said(error="another run of chaos is under way here")
            self._holder = connection
            try:
                if asked.do == "heal" or asked.fault is None:
                    return Said(at_ns=self._doer.heal())
                return Said(at_ns=self._doer.inject(asked.fault))
            except (ConfigError, Rejected) as error:
                return Said(error=str(error), is_refusal=True)
            except (HeadwaterError, OSError) as error:
                return Said(error=str(error))


class Control:
    """The asking end; closing it heals everything that was put in over it."""

    def __init__(self, path: Path) -> None:
        """Unavailable when no run takes requests there."""
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(TIMEOUT_S)
        try:
            with short_address(path) as name:
                self._socket.connect(name)
        except OSError:
            self._socket.close()
            raise Unavailable(
                "nothing runs this topology that could put faults in: start all of it with headwater up"
            ) from None
        self._lines = self._socket.makefile("rb")

    def close(self) -> None:
        self._lines.close()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def places(self) -> tuple[Place, ...]:
        """The nodes that faults can be put into."""
        return self._ask(Asked("places")).places

    def inject(self, fault: Fault) -> int:
        """Put a fault in; when, in ns of the monotonic clock. Unavailable or Rejected when it cannot be."""
        return self._ask(Asked("inject", fault)).at_ns

    def heal(self) -> int:
        """Take it out; when that began."""
        return self._ask(Asked("heal")).at_ns

    def _ask(self, asked: Asked) -> Said:
        try:
            self._socket.sendall(msgspec.json.encode(asked) + b"\n")
            line = self._lines.readline()
        except OSError as error:
            raise Unavailable(f"the supervisor does not answer: {error}") from None
        if not line:
            raise Unavailable("the supervisor has gone")
        said = msgspec.json.decode(line, type=Said)
        if said.error:
            raise Rejected("fault", said.error) if said.is_refusal else Unavailable(said.error)
        return said
