"""The keyspace of tests: stores share it, each with a site of its own."""

import fcntl
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.store.cassandra.connection import release, share
from headwater.store.cassandra.keyspace import made
from headwater.store.cassandra.options import CassandraOptions
from tests.services.fixtures import CassandraNode, folder_of_all
from tests.store.stores import CassandraStore


def options_of(cassandra: CassandraNode, folder: Path, keyspace: str, **more: object) -> CassandraOptions:
    """A store in a keyspace, written by the superuser."""
    password = folder / "password"
    password.write_text(cassandra.password + "\n")
    return CassandraOptions(
        hosts=(cassandra.address,),
        keyspace=keyspace,
        user=cassandra.user,
        password_file=str(password),
        request_s=60,
        **more,  # type: ignore[arg-type]
    )


@pytest.fixture(scope="session")
def store_keyspace(cassandra: CassandraNode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CassandraOptions]:
    """What stores are opened with; it goes with the server. The connection stays open between tests."""
    options = options_of(cassandra, tmp_path_factory.mktemp("keyspace"), "stores")
    CassandraStore.keyspace = options
    connection = share(options)
    try:
        with (folder_of_all(tmp_path_factory) / "keyspace").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # Of workers that begin together one makes the tables.
            made(connection)
        yield options
    finally:
        release(connection)
