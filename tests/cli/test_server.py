"""`headwater server`: its options, and what cannot be."""

import subprocess
import sys
from pathlib import Path

import pytest

from headwater.cli.server import server_options
from headwater.config import ServerOptions, load_topology
from headwater.config.ports import free_ports
from headwater.model.errors import ConfigError

FORK = Path(__file__).resolve().parents[2] / "examples/topologies/fork.toml"


def test_without_arguments_it_has_the_defaults() -> None:
    assert server_options(None, None, None, None) == ServerOptions(data=Path("var/server"))


def test_every_option_is_taken() -> None:
    made = server_options(None, "0.0.0.0:6000", Path("d"), "hall")
    assert made == ServerOptions(listen="0.0.0.0:6000", data=Path("d"), site="hall")
    assert made.ingest == "0.0.0.0:6001"


def test_a_topology_file_says_everything() -> None:
    assert server_options(FORK, None, None, None) == load_topology(FORK).server


@pytest.mark.parametrize(
    ("config", "listen", "told"),
    [
        (None, "6000", '--listen: "6000" is not an address'),
        (None, "h:65535", "--listen: port 65536 is not between 1 and 65535"),
        (FORK, "h:1", "--listen does not go with --config"),
    ],
)
def test_what_cannot_be_used_is_named(config: Path | None, listen: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        server_options(config, listen, None, None)


def test_a_store_that_cannot_be_like_this_ends_the_whole_server_with_the_reason(tmp_path: Path) -> None:
    pytest.importorskip("cassandra")
    rest, _, cql = free_ports(3)
    (tmp_path / "t.toml").write_text(
        f"""
server = {{listen = "127.0.0.1:{rest}", data = "server"}}
store = {{kind = "cassandra", hosts = ["127.0.0.1:{cql}"], user = "me", password_file = "none"}}
[[node]]
id = "000001"
name = "endpoint"
"""
    )
    command = [sys.executable, "-m", "headwater.cli.main", "server", "--config", str(tmp_path / "t.toml")]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert ended.returncode == 1
    assert "none cannot be read: " in ended.stdout
    assert "given up, see above: server/store" in ended.stderr
