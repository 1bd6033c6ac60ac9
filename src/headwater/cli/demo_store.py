"""The Cassandra of the demo: one real server on loopback, from its jars, for as long as the demo runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from headwater.config import Topology
from headwater.model.errors import ConfigError
from headwater.services import cassandra
from headwater.services.catalogue import missing, server_named, service
from headwater.store.cassandra.options import CassandraOptions

REQUEST_S = 60.0
"""The machine of a demo may be busy, and is the only one of its cluster."""


def need_cassandra() -> None:
    """ConfigError when no Cassandra can be started here."""
    lacks = missing(server_named(cassandra.NAME))
    if lacks:
        raise ConfigError(f"--store cassandra: it lacks {lacks}; `make services` says what can be done")


@contextmanager
def on_cassandra(topology: Topology, folder: Path, tell: Callable[[str], None]) -> Iterator[Topology]:
    """The topology with its stamps in a Cassandra of its own, which runs as long as the block."""
    tell("starting Cassandra, which takes some seconds")
    with service(cassandra.NAME, folder / cassandra.NAME) as server:
        password = folder / "cassandra.password"
        password.write_text(f"{cassandra.PASSWORD}\n")
        store = CassandraOptions(
            hosts=(server.address,), user=cassandra.USER, password_file=str(password), request_s=REQUEST_S
        )
        tell(f"Cassandra answers at {server.address}")
        yield replace(topology, server=replace(topology.server, store=store))
