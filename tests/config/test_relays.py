"""Topologies with relays between their nodes."""

from pathlib import Path

import pytest

from headwater.config import Topology, format_topology, load_topology, with_free_ports
from headwater.config.relays import with_relays, without_relays
from headwater.model.errors import ConfigError

FORK = Path(__file__).resolve().parents[2] / "examples/topologies/fork.toml"


def fork(tmp_path: Path, chaos: str = "{enabled = true}", listen: str = "127.0.0.1:5000") -> Topology:
    path = tmp_path / "fork.toml"
    path.write_text(f"chaos = {chaos}\n" + FORK.read_text().replace("127.0.0.1:5000", listen))
    return load_topology(path)


def test_a_relay_stands_between_each_node_and_its_next_hop_and_its_agent(tmp_path: Path) -> None:
    plain, chaotic = load_topology(FORK), fork(tmp_path, "{enabled = true, relay_port = 7000}")

    assert [relay.name for relay in chaotic.relays] == ["gatewayA", "gatewayB", "gatewayC"]
    last = chaotic.relay("gatewayC")
    assert (last.pipeline, last.agent) == (
        ("127.0.0.1:7004", "127.0.0.1:50054"),
        ("127.0.0.1:7005", "127.0.0.1:50064"),
    )
    assert [gateway.next for gateway in chaotic.gateways] == [
        *("127.0.0.1:7000", "127.0.0.1:7002", "127.0.0.1:7004", None)
    ]
    assert chaotic.agent("gatewayC").agents["127.0.0.1:7004"] == "127.0.0.1:7005"
    for topology in (plain, chaotic):
        assert [gateway.successor for gateway in topology.gateways] == [3, 3, 4, None]
        assert [topology.hops(gateway.name) for gateway in topology.gateways] == [2, 2, 1, 0]


def test_without_chaos_there_are_no_relays_and_no_way_to_ask_for_faults(tmp_path: Path) -> None:
    for topology in (load_topology(FORK), fork(tmp_path, "{enabled = false}")):
        assert (topology.relays, topology.server.control) == ((), None)
        assert topology.gateways[0].next == "127.0.0.1:50053"


def test_relays_are_left_away_and_added_again(tmp_path: Path) -> None:
    chaotic = fork(tmp_path)
    direct = without_relays(chaotic)
    assert (direct.relays, direct.gateways[0].next) == ((), "127.0.0.1:50053")
    assert with_relays(direct) == chaotic


def test_a_written_topology_has_the_same_relays(tmp_path: Path) -> None:
    moved = with_free_ports(fork(tmp_path), tmp_path)
    path = tmp_path / "moved.toml"
    path.write_text(format_topology(moved))
    assert load_topology(path) == moved
    assert len(moved.relays) == 3
    assert moved.server.control == str(tmp_path / "chaos.sock")


@pytest.mark.parametrize(
    ("chaos", "listen", "told"),
    [
        ("{enabled = true}", "0.0.0.0:5000", "the server listens on 0.0.0.0:5000: chaos needs a loopback address"),
        ("{enabled = true}", "192.0.2.1:5000", "needs a loopback address"),
        ("{enabled = true, relay_port = 65533}", "127.0.0.1:5000", "every node takes two ports"),
        ("{enabled = true, relay_port = 50052}", "127.0.0.1:5000", "has the same address as"),
        ("{enabled = true, relay_port = 0}", "127.0.0.1:5000", "relay_port = 0 in [chaos]"),
        ('{enabled = "yes"}', "127.0.0.1:5000", 'enabled = "yes" in [chaos]'),
        ("{enable = true}", "127.0.0.1:5000", 'did you mean "enabled"?'),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(tmp_path: Path, chaos: str, listen: str, told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        fork(tmp_path, chaos, listen)
    assert told in str(raised.value)


@pytest.mark.parametrize("listen", ["127.0.0.1:5000", "127.8.8.8:5000", "localhost:5000", "[::1]:5000"])
def test_every_loopback_address_will_do(tmp_path: Path, listen: str) -> None:
    assert fork(tmp_path, listen=listen).relays
