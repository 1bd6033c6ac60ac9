"""A real Cassandra: it keeps what it was given, refuses whom it should, and comes back after a kill."""

from collections.abc import Callable
from pathlib import Path

import pytest

from headwater.services.cassandra import OPTIONS_KEY, logs_in, prepare
from headwater.services.service import Service
from tests.services.fixtures import CassandraNode


def test_a_row_comes_back_from_a_keyspace_of_its_own(cassandra: CassandraNode, keyspace: str) -> None:
    session = cassandra.session
    session.execute(f"CREATE TABLE {keyspace}.reading (id int PRIMARY KEY, value text)")
    session.execute(f"INSERT INTO {keyspace}.reading (id, value) VALUES (%s, %s)", (1, "21.5"))
    rows = session.execute(f"SELECT value FROM {keyspace}.reading WHERE id = 1").all()
    assert [row.value for row in rows] == ["21.5"]
    assert session.execute("SELECT release_version FROM system.local").all()[0].release_version.startswith("5.0.")


def test_who_may_only_read_cannot_write_and_a_wrong_password_is_refused(
    cassandra: CassandraNode, keyspace: str
) -> None:
    from cassandra import Unauthorized
    from cassandra.cluster import NoHostAvailable

    session = cassandra.session
    session.execute(f"CREATE TABLE {keyspace}.reading (id int PRIMARY KEY)")
    role = f"role_{keyspace}"
    session.execute(f"CREATE ROLE {role} WITH PASSWORD = 'reads' AND LOGIN = true")
    session.execute(f"GRANT SELECT ON KEYSPACE {keyspace} TO {role}")
    try:
        with cassandra.login(role, "reads") as reader:
            assert reader.execute(f"SELECT * FROM {keyspace}.reading WHERE id = 1").all() == []
            with pytest.raises(Unauthorized):
                reader.execute(f"INSERT INTO {keyspace}.reading (id) VALUES (1)")
        with pytest.raises(NoHostAvailable), cassandra.login(role, "wrong"):
            pass
    finally:
        session.execute(f"DROP ROLE {role}")


def test_java_gets_what_the_environment_says_beside_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OPTIONS_KEY, "-Da=1 '-Db=2 3'")
    command = prepare(tmp_path, {"cql": 1, "internode": 2}).command
    assert command[command.index("-cp") - 2 : command.index("-cp")] == ("-Da=1", "-Db=2 3")


@pytest.mark.timeout(300)
def test_what_it_took_is_there_after_a_kill_on_the_same_port(own_service: Callable[[str], Service]) -> None:
    own = own_service("cassandra")
    own.begin()
    node = CassandraNode(own.address)
    try:
        replicated = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
        node.session.execute(f"CREATE KEYSPACE kept WITH replication = {replicated}")
        node.session.execute("CREATE TABLE kept.reading (id int PRIMARY KEY)")
        node.session.execute("INSERT INTO kept.reading (id) VALUES (7)")
        own.kill()
        assert not logs_in(own.port)
        own.start()
        own.wait()
        with node.login() as again:
            assert [row.id for row in again.execute("SELECT id FROM kept.reading WHERE id = 7").all()] == [7]
    finally:
        node.close()
