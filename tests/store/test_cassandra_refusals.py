"""What is refused at the start, with what to do about it, on a real Cassandra."""

import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from headwater.model.errors import ConfigError, Unavailable
from headwater.store.cassandra import keyspace as keyspaces
from headwater.store.cassandra import lease
from headwater.store.cassandra.connection import connected
from headwater.store.cassandra.keyspace import made
from headwater.store.cassandra.options import CassandraOptions
from headwater.store.cassandra.tables import MIGRATIONS, SCHEMA, TABLES, VERSION
from headwater.store.opening import open_reader, open_writer
from tests.services.fixtures import CassandraNode
from tests.store.grids import SITE
from tests.store.keyspaces import options_of


@pytest.fixture
def options(cassandra: CassandraNode, keyspace_name: str, tmp_path: Path) -> CassandraOptions:
    """A keyspace that is not there yet."""
    return options_of(cassandra, tmp_path, keyspace_name)


@pytest.fixture
def visitor(cassandra: CassandraNode, options: CassandraOptions, tmp_path: Path) -> Iterator[CassandraOptions]:
    """The same by a user who may log in, and nothing else."""
    name = f"visitor_{uuid.uuid4().hex[:8]}"
    cassandra.session.execute(f"CREATE ROLE {name} WITH PASSWORD = 'guess' AND LOGIN = true")
    password = tmp_path / "visitor"
    password.write_text("guess\n")
    yield replace(options, user=name, password_file=str(password))
    cassandra.session.execute(f"DROP ROLE {name}")


def refusal(options: CassandraOptions, folder: Path) -> str:
    with pytest.raises(ConfigError) as refused:
        open_writer(options, folder, SITE, lambda: 0).close()
    return str(refused.value)


def use_once(options: CassandraOptions, folder: Path) -> None:
    open_writer(options, folder, SITE, lambda: 0).close()


def test_a_wrong_password_is_refused(options: CassandraOptions, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("nobody knows\n")
    said = refusal(replace(options, password_file=str(wrong)), tmp_path)
    assert "does not let us in" in said
    assert "set user and password_file" in said
    assert "does not let us in" in refusal(replace(options, user=None, password_file=None), tmp_path)


def test_a_password_that_is_not_there_is_refused(options: CassandraOptions, tmp_path: Path) -> None:
    assert "cannot be read" in refusal(replace(options, password_file=str(tmp_path / "none")), tmp_path)
    assert "needs a password_file" in refusal(replace(options, password_file=None), tmp_path)


def test_a_keyspace_that_may_not_be_made_is_refused_with_what_an_administrator_runs(
    visitor: CassandraOptions, tmp_path: Path
) -> None:
    said = refusal(visitor, tmp_path)
    assert f"CREATE KEYSPACE IF NOT EXISTS {visitor.keyspace} WITH replication = " in said
    assert f"GRANT ALL PERMISSIONS ON KEYSPACE {visitor.keyspace} TO {visitor.user};" in said


def test_a_read_only_keyspace_is_refused_with_the_grant_that_it_lacks(
    cassandra: CassandraNode, options: CassandraOptions, visitor: CassandraOptions, tmp_path: Path
) -> None:
    use_once(options, tmp_path / "a")
    cassandra.session.execute(f"GRANT SELECT ON KEYSPACE {visitor.keyspace} TO {visitor.user}")
    wait_for_permission(visitor)
    assert f"GRANT ALL PERMISSIONS ON KEYSPACE {visitor.keyspace} TO {visitor.user};" in refusal(
        visitor, tmp_path / "b"
    )
    open_reader(visitor, tmp_path / "c", SITE).close()


def wait_for_permission(visitor: CassandraOptions) -> None:
    """What a role may do is known everywhere half a second after it was granted."""
    deadline = time.monotonic() + 30
    while True:
        try:
            open_reader(visitor, Path("/nonexistent"), SITE).close()
            return
        except Unavailable:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_a_keyspace_with_other_tables_is_refused(
    cassandra: CassandraNode, keyspace: str, options: CassandraOptions, tmp_path: Path
) -> None:
    cassandra.session.execute(f"CREATE TABLE {keyspace}.invoices (id int PRIMARY KEY)")
    said = refusal(options, tmp_path)
    assert "holds other tables (invoices)" in said
    assert "name another" in said
    tables = f"SELECT table_name FROM system_schema.tables WHERE keyspace_name = '{keyspace}'"
    assert [name for (name,) in cassandra.session.execute(tables)] == ["invoices"]


def test_a_schema_of_a_newer_release_is_refused_to_writers_and_readers(
    cassandra: CassandraNode, options: CassandraOptions, tmp_path: Path
) -> None:
    use_once(options, tmp_path)
    newer = f"UPDATE {options.keyspace}.{SCHEMA.name} SET version = {VERSION + 1} WHERE name = 'headwater'"
    cassandra.session.execute(newer)
    for said in (refusal(options, tmp_path), refusal_of_reader(options, tmp_path)):
        assert f"has schema version {VERSION + 1}, this program knows version {VERSION}" in said


def refusal_of_reader(options: CassandraOptions, folder: Path) -> str:
    with pytest.raises(ConfigError) as refused:
        open_reader(options, folder, SITE)
    return str(refused.value)


@pytest.mark.parametrize(
    ("datacenter", "copies", "nodes"), [("datacenter1", "3 copies", "1 node"), ("atlantis", "1 copy", "0 nodes")]
)
def test_more_copies_than_nodes_are_refused_before_a_keyspace_has_them(
    options: CassandraOptions, tmp_path: Path, datacenter: str, copies: str, nodes: str
) -> None:
    said = refusal(replace(options, replication={datacenter: int(copies[0])}), tmp_path)
    assert (
        f"replication asks for {copies} in datacenter {datacenter}, which has {nodes} (datacenters: datacenter1)"
        in said
    )
    assert said.endswith("the most there can be is {datacenter1 = 1}")
    use_once(replace(options, replication={"datacenter1": 1}), tmp_path)


@pytest.mark.parametrize(
    ("replication", "where"),
    [
        ("{'class': 'NetworkTopologyStrategy', 'datacenter1': 3}", "datacenter datacenter1"),
        ("{'class': 'SimpleStrategy', 'replication_factor': 3}", "the cluster"),
    ],
)
def test_a_keyspace_with_more_copies_than_nodes_is_refused(
    cassandra: CassandraNode, options: CassandraOptions, tmp_path: Path, replication: str, where: str
) -> None:
    cassandra.session.execute(f"CREATE KEYSPACE {options.keyspace} WITH replication = {replication}")
    said = refusal(options, tmp_path)
    assert f"keeps 3 copies in {where}, which has 1 node (" in said
    assert f"ALTER KEYSPACE {options.keyspace}" in said


def test_clocks_that_are_apart_are_refused(
    options: CassandraOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for by_s, word in ((60, "ahead of"), (-60, "behind")):
        monkeypatch.setattr(keyspaces, "wall_ms", lambda by_s=by_s: time.time_ns() // 1_000_000 + by_s * 1000)
        said = refusal(options, tmp_path)
        assert word in said
        assert "NTP" in said


def test_a_reader_of_what_is_not_there_is_told_to_come_again(options: CassandraOptions, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="there is no store in keyspace"):
        open_reader(options, tmp_path, SITE)


def test_a_migration_that_broke_off_is_begun_again(
    cassandra: CassandraNode, options: CassandraOptions, tmp_path: Path
) -> None:
    cassandra.session.execute(
        f"CREATE KEYSPACE {options.keyspace} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}"
    )
    for table in MIGRATIONS[1][:7]:
        cassandra.session.execute(table.cql().replace("EXISTS ", f"EXISTS {options.keyspace}."))
    with pytest.raises(Unavailable, match="is still being made"):
        open_reader(options, tmp_path, SITE)
    use_once(options, tmp_path)
    tables = f"SELECT table_name FROM system_schema.tables WHERE keyspace_name = '{options.keyspace}'"
    assert {name for (name,) in cassandra.session.execute(tables)} == {table.name for table in TABLES}
    open_reader(options, tmp_path, SITE).close()


def test_what_was_fixed_when_a_keyspace_was_made_stays(options: CassandraOptions, tmp_path: Path) -> None:
    use_once(replace(options, bucket_s=900, keep_days=30), tmp_path)
    connection = connected(replace(options, bucket_s=86_400))
    try:
        layout = made(connection)
    finally:
        connection.close()
    assert (layout.bucket_s, layout.keep_s) == (900, 30 * 86_400)


def test_a_writer_whose_clock_is_behind_the_last_write_waits(
    cassandra: CassandraNode, options: CassandraOptions, tmp_path: Path
) -> None:
    use_once(options, tmp_path)
    later_us = time.time_ns() // 1000 + 4_000_000
    head = f"INSERT INTO {options.keyspace}.head (site, taken) VALUES ('{SITE}', 0) USING TIMESTAMP {later_us}"
    cassandra.session.execute(head)
    writer = open_writer(options, tmp_path, SITE, lambda: 0)
    with pytest.raises(Unavailable, match="behind the last write"):
        writer.hello(SITE, 1, b"logofone", "", "", 0)
    wait_for_turn(writer)
    writer.close()


@pytest.mark.parametrize(
    ("holder", "is_gone"),
    [
        (f"{socket.gethostname()}/{os.getpid()}/{lease._boot()}/0", True),
        (f"{socket.gethostname()}/{os.getppid()}/{lease._boot()}/0", False),
        (f"{socket.gethostname()}/{os.getpid()}/anotherboot/0", False),
        (f"elsewhere/{os.getpid()}/{lease._boot()}/0", False),
        ("nonsense", False),
    ],
    ids=["ours", "a living one", "another start", "another machine", "nonsense"],  # Every worker must name them alike.
)
def test_only_a_process_of_this_start_of_this_machine_is_known_to_be_gone(holder: str, is_gone: bool) -> None:
    assert lease._is_gone(holder) == is_gone


WRITER = """
import sys, msgspec
from pathlib import Path
from headwater.store.cassandra.options import CassandraOptions
from headwater.store.opening import open_writer
options = msgspec.json.decode(sys.argv[1], type=CassandraOptions)
writer = open_writer(options, Path(sys.argv[2]), sys.argv[3], lambda: 0)
print("there", flush=True)
sys.stdin.readline()
writer.close()
"""


def test_a_second_writer_of_a_site_waits_until_the_first_is_gone(options: CassandraOptions, tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, msgspec.json.encode(options).decode(), str(tmp_path / "a"), SITE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"there\n"
        second = open_writer(options, tmp_path / "b", SITE, lambda: 0)
        with pytest.raises(Unavailable, match="already has a writer"):
            second.hello(SITE, 1, b"logofone", "", "", 0)
        other = open_writer(options, tmp_path / "c", "elsewhere", lambda: 0)
        assert other.hello("elsewhere", 1, b"logofone", "", "", 0) == 0
        first.kill()
        first.wait()
        wait_for_turn(second)
    second.close()
    other.close()


def wait_for_turn(writer: object) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            assert writer.hello(SITE, 1, b"logofone", "", "", 0) == 0  # type: ignore[attr-defined]
            return
        except Unavailable:
            assert time.monotonic() < deadline
            time.sleep(0.2)
