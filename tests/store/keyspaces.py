"""The keyspace of the tests of one worker: stores share it, each with a site of its own."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.store.cassandra.connection import release, share
from headwater.store.cassandra.options import CassandraOptions
from tests.services.fixtures import CassandraNode
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
    """What stores are opened with; the connection stays open between tests."""
    name = f"stores_{uuid.uuid4().hex[:12]}"
    options = options_of(cassandra, tmp_path_factory.mktemp("keyspace"), name)
    CassandraStore.keyspace = options
    connection = share(options)
    try:
        yield options
    finally:
        connection.session.execute(f"DROP KEYSPACE IF EXISTS {name}", timeout=60)
        release(connection)
