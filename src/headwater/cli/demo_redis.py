"""The Redis of the demo: one real server on loopback with a database for each node, and what is found in it by id.

Run as `python -m headwater.cli.demo_redis COMMAND...` it keeps the server, and stops it when the demo is gone.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

from msgspec.structs import replace

from headwater.agent.messages import value_text
from headwater.cli import lifeline
from headwater.cli.processes import API_RANK
from headwater.cli.supervisor import Spec
from headwater.config import Topology
from headwater.config.address import LOOPBACK
from headwater.config.ports import free_ports
from headwater.model.errors import ConfigError
from headwater.model.ids import format_node
from headwater.services import redis

RANK = API_RANK + 2
IDS_A_REQUEST = 1000

Hash = dict[str, str]


def need_redis() -> None:
    """ConfigError when no server is on this machine."""
    if redis.PROGRAM.missing():
        raise ConfigError(
            f"--redis: neither {' nor '.join(redis.PROGRAM.names)} is installed here; install one, or leave it out"
        )


def with_redis(topology: Topology) -> Topology:
    """The topology with a database for each node, on a free port."""
    (port,) = free_ports(1)
    agents = [replace(agent, redis=f"redis://{LOOPBACK}:{port}/{at}") for at, agent in enumerate(topology.agents)]
    return replace(topology, agents=tuple(agents))


def redis_processes(topology: Topology, folder: Path) -> list[Spec]:
    """The server of a topology that `with_redis` made; none without Redis."""
    urls = redis_urls(topology)
    if not urls:
        return []
    port = next(iter(urls.values())).rpartition("/")[0].rpartition(":")[2]
    launch = redis.prepare(folder, {"redis": int(port)}, "--databases", str(len(urls)))
    keeper = (sys.executable, "-m", "headwater.cli.demo_redis", *launch.command)
    return [Spec(name="redis", command=keeper, rank=RANK, listen=f"{LOOPBACK}:{port}")]


def redis_urls(topology: Topology) -> dict[str, str]:
    """Id of a node -> its Redis."""
    return {format_node(agent.node): agent.redis for agent in topology.agents if agent.redis is not None}


def message(meter: str, metric: str, timestamp: int, value: float, parent: str | None) -> Hash:
    """What the hash of a reading must hold."""
    fields = {"metricID": metric, "value": value_text(value), "meterID": meter, "timestamp": str(timestamp)}
    return fields if parent is None else {**fields, "ProvID": parent}


def found_in(url: str, wanted: list[tuple[str, Hash]]) -> int:
    """How many ids have exactly the hash that they must have."""
    from redis import Redis

    exact = 0
    with Redis.from_url(url, decode_responses=True) as client:
        for start in range(0, len(wanted), IDS_A_REQUEST):
            part = wanted[start : start + IDS_A_REQUEST]
            pipeline = client.pipeline(transaction=False)
            for id, _ in part:
                pipeline.hgetall(id)
            exact += sum(held == fields for held, (_, fields) in zip(pipeline.execute(), part, strict=True))
    return exact


def main(command: list[str]) -> int:
    """Keep a server running until SIGTERM, or until the demo is gone."""
    with subprocess.Popen(command) as server:
        signal.signal(signal.SIGTERM, lambda number, frame: server.terminate())
        lifeline.hold(os.environ)
        return server.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
