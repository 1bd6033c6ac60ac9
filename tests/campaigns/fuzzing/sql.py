"""Any statement, behind the walls of a query's process: nothing is written or read, nobody is called, memory holds."""

import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import msgspec

from headwater.store.query import frames
from headwater.store.query.child import MEMORY_BESIDE
from headwater.store.query.frames import HEAD, Fault, Request
from headwater.store.query.running import ENVIRONMENT
from tests.api import grid
from tests.campaigns.fuzzing.statements import statement
from tests.campaigns.fuzzing.target import Check

SECRET = "s3cr3t-w1tness"
MEMORY_BYTES = 64 << 20
PATIENCE_S = 20.0
_decode = msgspec.msgpack.Decoder(tuple[Fault | None, bytes]).decode


class Died(Exception):
    """The process was ended by a wall, or broke."""


class Worker:
    """A process behind the walls, started again when it died."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self.base_bytes = 0
        """Its address space once it has answered for the first time."""

    def ask(self, request: Request) -> tuple[Fault | None, bytes]:
        process = self._running()
        assert process.stdin
        assert process.stdout
        try:
            process.stdin.write(frames.frame(b"Q", frames.encode(request)))
            process.stdin.flush()
            if not select.select([process.stdout], [], [], PATIENCE_S)[0]:
                raise Died("no answer")
            head = process.stdout.read(HEAD.size)
            if len(head) < HEAD.size:
                raise Died(f"ended with {process.wait()}")
            return _decode(process.stdout.read(HEAD.unpack(head)[1]))
        except (Died, BrokenPipeError):
            self.close()
            raise Died from None

    def address_space_bytes(self) -> int:
        """The most it ever took."""
        if self._process is None:
            return 0
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.split("VmPeak:")[1].split()[0]) << 10

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            command = [sys.executable, "-m", "tests.campaigns.fuzzing.sql_worker"]
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=self._environment,
                cwd=Path(__file__).parents[3],
            )
        return self._process


class Witness:
    """A folder and a port that no statement may touch."""

    def __init__(self, folder: Path, port: socket.socket) -> None:
        self.folder = folder
        self._port = port
        for name in ("secret.csv", "secret.json", "secret.parquet"):
            (folder / name).write_text(f"{SECRET},1\n")
        self._before = self._seen()

    def check(self, said: bytes) -> None:
        assert SECRET.encode() not in said
        assert self._seen() == self._before
        assert not select.select([self._port], [], [], 0)[0], "somebody was called"

    def _seen(self) -> list[tuple[str, int, int]]:
        with os.scandir(self.folder) as entries:
            return sorted((entry.name, entry.stat().st_size, entry.stat().st_mtime_ns) for entry in entries)


@contextmanager
def statements(folder: Path) -> Iterator[Check]:
    """Statements over the small grid of the API's tests."""
    writer = grid.open_writer(folder / "stores")
    grid.fill(writer, {})
    (folder / "witness").mkdir()
    places = {"HEADWATER_SECRET": SECRET, "TMPDIR": str(folder / "witness"), "PYTHONPATH": os.pathsep.join(sys.path)}
    with socket.create_server(("127.0.0.1", 0)) as port:
        witness = Witness(folder / "witness", port)
        worker = Worker(ENVIRONMENT | places)

        def check(random: Random) -> str:
            text = statement(random).replace("{folder}", str(witness.folder))
            return outcome(worker, witness, text.replace("{port}", str(port.getsockname()[1])), str(folder / "stores"))

        try:
            yield check
        finally:
            worker.close()
            writer.close()


def outcome(worker: Worker, witness: Witness, sql: str, stores: str) -> str:
    """Ask one statement and look what it did."""
    request = Request(
        sql, stores, grid.SITE, memory_bytes_max=MEMORY_BYTES, rows_max=100, bytes_max=1 << 20, cpu_s_max=1 << 20
    )
    try:
        fault, said = worker.ask(request)
    except Died:
        witness.check(b"")
        return "died"
    witness.check(said + (fault.detail.encode() if fault else b""))
    peak = worker.address_space_bytes()
    worker.base_bytes = worker.base_bytes or peak
    assert peak <= worker.base_bytes + MEMORY_BYTES + MEMORY_BESIDE, f"{peak >> 20} MiB of address space"
    if fault is None:
        return "answered"
    assert fault.reason != "failed", fault.detail
    if fault.reason == "memory":
        worker.close()  # What is left of its memory would be too little for the next one.
    return fault.reason
