"""Redis or Valkey, whichever is here, without persistence unless options ask for it."""

from collections.abc import Mapping
from pathlib import Path

from headwater.config.address import LOOPBACK
from headwater.services.needs import Need, Program
from headwater.services.service import Launch, exchanged

NAME = "redis"
SENTENCE = "Redis, which the agents of nodes keep recent readings in"
PORTS = ("redis",)
PROGRAM = Program("redis-server", "redis-server", "valkey-server")
NEEDS: tuple[Need, ...] = (PROGRAM,)


def prepare(folder: Path, ports: Mapping[str, int], *options: str) -> Launch:
    """A server with the folder `folder`, and more options on its command line."""
    port = ports["redis"]
    return Launch(
        command=(
            *(PROGRAM.path(), "--bind", LOOPBACK, "--port", str(port), "--dir", str(folder)),
            *("--save", "", "--appendonly", "no", *options),
        ),
        addresses={"redis": f"{LOOPBACK}:{port}"},
        ready=lambda: exchanged(f"{LOOPBACK}:{port}", b"PING\r\n").startswith((b"+PONG", b"-NOAUTH")),
        usage=(f'redis = "redis://{LOOPBACK}:{port}/0" in a [[node]] of a topology file',),
    )
