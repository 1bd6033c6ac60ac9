"""A real redis-server for tests, on a socket in a folder: started, killed, started again."""

import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
import redis

SERVER = shutil.which("redis-server")
WAIT_S = 60.0


class RedisServer:
    """One redis-server; what it has written to its folder is there again after a kill."""

    def __init__(self, folder: Path, *options: str) -> None:
        if SERVER is None:
            pytest.skip("machine cannot: redis-server is not installed")
        folder.mkdir(parents=True, exist_ok=True)
        self.socket = folder / "s"
        self.url = f"unix://{self.socket}"
        command = [SERVER, "--port", "0", "--unixsocket", str(self.socket), "--dir", str(folder), "--save", ""]
        self._command = [*command, *options]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + WAIT_S
        while not self._answers():
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.01)

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def client(self) -> "redis.Redis":
        return redis.Redis(unix_socket_path=str(self.socket), decode_responses=True, protocol=2)

    def hashes(self) -> dict[str, dict[str, str]]:
        """Every hash by its key."""
        with self.client() as client:
            keys = [key for key in client.scan_iter(count=10_000) if client.type(key) == "hash"]
            return {key: client.hgetall(key) for key in keys}

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.socket))
                probe.sendall(b"PING\r\n")
                return probe.recv(64).startswith((b"+PONG", b"-NOAUTH"))
            except OSError:
                return False
