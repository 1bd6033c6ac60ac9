"""A real Redis for tests, on a socket in a folder: started, killed, started again."""

from pathlib import Path

import redis

from headwater.config.ports import free_ports
from headwater.services import redis as server
from headwater.services.service import Service
from tests.services.fixtures import need


class RedisServer(Service):
    """One server that answers; what it has written to its folder is there again after a kill."""

    def __init__(self, folder: Path, *options: str) -> None:
        need(server.NAME)
        folder.mkdir(parents=True, exist_ok=True)
        self.socket = folder / "s"
        self.url = f"unix://{self.socket}"
        more = ("--unixsocket", str(self.socket), *options)
        super().__init__(server.NAME, folder, server.prepare(folder, {"redis": free_ports(1)[0]}, *more))
        self.begin()

    def client(self) -> "redis.Redis":
        return redis.Redis(unix_socket_path=str(self.socket), decode_responses=True, protocol=2)

    def hashes(self) -> dict[str, dict[str, str]]:
        """Every hash by its key."""
        with self.client() as client:
            keys = [key for key in client.scan_iter(count=10_000) if client.type(key) == "hash"]
            return {key: client.hgetall(key) for key in keys}
