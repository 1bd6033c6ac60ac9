"""`headwater agent`: its options."""

from pathlib import Path

import pytest

from headwater.agent.options import AgentOptions
from headwater.cli.agent import agent_options, parser
from headwater.config import load_topology
from headwater.model.errors import ConfigError

FORK = Path(__file__).resolve().parents[2] / "examples/topologies/fork.toml"


def options(*arguments: str) -> AgentOptions:
    return agent_options(parser().given(arguments))


def test_a_node_is_enough() -> None:
    assert options("--node", "00000A") == AgentOptions(node=10, name="00000a", data=Path("var/00000a"))


def test_every_option_is_taken() -> None:
    made = options(
        *("--node", "000001", "--data", "d", "--server", "h:1", "--listen", "i:2", "--site", "s", "--name", "n"),
        *("--redis", "redis://h:3/4", "--storagetime", "60"),
    )
    assert made == AgentOptions(
        node=1,
        name="n",
        site="s",
        listen="i:2",
        data=Path("d"),
        server="h:1",
        redis="redis://h:3/4",
        storagetime_s=60,
    )


def test_a_redis_that_cannot_be_one_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"--redis: must be redis://HOST:PORT/DB"):
        options("--node", "000001", "--redis", "localhost:6379")


def test_a_topology_file_says_everything() -> None:
    assert options("--config", str(FORK), "--name", "gatewayB") == load_topology(FORK).agent("gatewayB")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "an agent needs --node ID and --data DIR, or --config T.toml and --name NODE"),
        (("--node", "1"), "--node: '1' is not a node id"),
        (("--node", "000001", "--server", "5001"), 'argument --server: "5001" is not an address: host:port is needed'),
        (("--config", str(FORK), "--server", "h:1"), "--server does not go with --config"),
        (("--config", str(FORK), "--name", "x"), 'no node is called "x"'),
    ],
)
def test_what_cannot_be_used_is_named(arguments: tuple[str, ...], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        options(*arguments)
    assert told in str(caught.value)
