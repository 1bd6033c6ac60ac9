"""The Redis of the demo: what its judge counts as found, and that the server goes with the demo."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from headwater.cli.demo import topology_file
from headwater.cli.demo_redis import found_in, message, need_redis, redis_processes, redis_urls, with_redis
from headwater.cli.lifeline import PIPE_KEY
from headwater.config import load_topology
from headwater.model.errors import ConfigError
from tests.agent.redis_server import RedisServer


def test_only_a_hash_that_is_exactly_right_is_found(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    try:
        right = message("m", "power", 5, 0.1, "parent")
        with server.client() as client:
            client.hset("a", mapping={"meterID": "m", "metricID": "power", "timestamp": "5", "value": "0.1"})
            client.hset("b", mapping={**client.hgetall("a"), "ProvID": "parent"})
        assert [found_in(server.url, [(id, right)]) for id in ("a", "b", "c")] == [0, 1, 0]
        assert found_in(server.url, [("a", message("m", "power", 5, 0.1, None)), ("b", right)] * 1500) == 3000
    finally:
        server.kill()


def test_every_node_has_a_database_of_its_own_on_a_port_that_nobody_else_has(tmp_path: Path) -> None:
    RedisServer(tmp_path).kill()
    topology = with_redis(load_topology(topology_file("fork")))
    urls = redis_urls(topology)
    assert urls.keys() == {f"{gateway.node:06x}" for gateway in topology.gateways}
    assert len(set(urls.values())) == len(urls)
    (spec,) = redis_processes(topology, tmp_path)
    assert {f"redis://{spec.listen}/{at}" for at in range(len(urls))} == set(urls.values())


def test_without_a_server_on_this_machine_the_demo_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="neither redis-server nor valkey-server is installed here"):
        need_redis()


@pytest.mark.parametrize("end", ["told", "left"])
def test_the_server_goes_when_the_demo_does(end: str) -> None:
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "headwater.cli.demo_redis", sys.executable, "-c"]
    lasting = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    with subprocess.Popen(
        [*command, lasting],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, PIPE_KEY: str(reading)},
        pass_fds=(reading,),
    ) as keeper:
        os.close(reading)
        assert keeper.stdout is not None
        server = int(keeper.stdout.readline())
        if end == "told":
            keeper.terminate()
        else:
            os.close(writing)
        assert keeper.wait(60) != 0
        assert not Path(f"/proc/{server}").exists()
    if end == "told":
        os.close(writing)
