"""`headwater export --to cassandra-2018`, and the same lineage by a server that reads what it wrote."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from headwater.api.options import ApiOptions
from headwater.cli.main import main
from headwater.store.cassandra.options import CassandraOptions
from headwater.store.cassandra2018.options import Cassandra2018Options
from headwater.store.cassandra2018.reader import Cassandra2018Reader
from tests.api import grid
from tests.api.conftest import api, store
from tests.api.grid import A, B, C, E, point
from tests.api.served import served
from tests.services.fixtures import CassandraNode
from tests.store.grids import point as one
from tests.store.keyspaces_2018 import make_tables, options_2018
from tests.store.stores import chain, new_store

__all__ = ["api", "store"]


def export(api: httpx.Client, cassandra: CassandraNode, keyspace: str, folder: Path, *more: str) -> int:
    password = folder / "password"
    password.write_text(cassandra.password + "\n")
    arguments = ["--server", str(api.base_url), "--user", cassandra.user, "--password-file", str(password), *more]
    return main(["export", "--to", "cassandra-2018", f"{cassandra.address}/{keyspace}", *arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("export")


@pytest.fixture(scope="module")
def options(cassandra: CassandraNode, api: httpx.Client, folder: Path) -> Iterator[Cassandra2018Options]:
    """The tables that the whole grid was exported to."""
    name = f"test_{uuid.uuid4().hex}"
    assert export(api, cassandra, name, folder) == 0
    yield options_2018(cassandra, folder, name)
    cassandra.session.execute(f"DROP KEYSPACE {name}")


@pytest.fixture(scope="module")
def old(options: Cassandra2018Options) -> Iterator[httpx.Client]:
    """A server that reads them."""
    with served(
        lambda: Cassandra2018Reader(options, lambda: grid.NOW_MS), lambda: grid.NOW_MS, ApiOptions(store=options)
    ) as client:
        yield client


ALL = [*(point(A, at) for at in range(4)), *(point(B, at) for at in range(2))]
ALL += [point(node, at) for node in (C, E) for at in range(10)]


def test_the_lineage_read_back_is_that_of_our_own_api(api: httpx.Client, old: httpx.Client) -> None:
    for id in ALL:
        for question in ("structure=recursive", "structure=linear"):
            ours, theirs = (client.get(f"/v1/provenance/{id}?{question}").json() for client in (api, old))
            assert comparable(theirs) == comparable(ours), id
        way = f"/v1/provenance/{id}/forward?structure=recursive"
        assert comparable(old.get(way).json()) == comparable(api.get(way).json()), id


def comparable(answer: Any) -> Any:
    """Without what 2018 cannot say: an event time that is not known is that of receipt; inputs come in no order."""
    if isinstance(answer, list):
        return sorted((comparable(each) for each in answer), key=str)
    if not isinstance(answer, dict):
        return answer
    known = {name: comparable(value) for name, value in answer.items()}
    if known.get("hostId") and "meterId" not in known:
        known.pop("timestamp", None)
    return known


def test_nodes_their_health_and_rates_are_read_back(api: httpx.Client, old: httpx.Client) -> None:
    assert old.get("/v1/cluster/topology").json() == api.get("/v1/cluster/topology").json()
    stats = {node["id"]: node for node in old.get("/v1/cluster/stats").json()}
    ours = {node["id"]: node for node in api.get("/v1/cluster/stats").json()}
    for node in (A, C):
        assert stats[f"{node:06x}"] == ours[f"{node:06x}"]
    assert stats[f"{B:06x}"]["nodeHealth"] == "Red"


@pytest.mark.parametrize("node", [A, B, C, E])
def test_the_last_of_a_node_are_the_last(api: httpx.Client, old: httpx.Client, node: int) -> None:
    for size in (1, 3, 1000):
        way = f"/v1/cluster/{node:06x}/provenance?size={size}"
        ours, theirs = (client.get(way).json() for client in (api, old))
        assert [each["id"] for each in theirs] == [each["id"] for each in ours]
        assert comparable(theirs) == comparable(ours)


def test_an_export_again_changes_nothing(
    api: httpx.Client, cassandra: CassandraNode, options: Cassandra2018Options, folder: Path
) -> None:
    def rows() -> list[Any]:
        return sorted(cassandra.session.execute(f"SELECT * FROM {options.keyspace}.provenancetable"), key=str)

    before = rows()
    assert len(before) == len(ALL)
    assert export(api, cassandra, options.keyspace, folder) == 0
    assert rows() == before


def test_only_the_columns_that_are_there_are_written(
    api: httpx.Client, cassandra: CassandraNode, keyspace: str, folder: Path
) -> None:
    make_tables(cassandra, keyspace, "app text, ctime timestamp")
    assert export(api, cassandra, keyspace, folder, "--node", "gatewayA", "--to", str(grid.T0 + 1)) == 0
    (row,) = cassandra.session.execute(f"SELECT * FROM {keyspace}.provenancetable")
    assert (row.id, row.nodeid, row.app) == (str(point(A, 0)), f"{A:06x}", "pushDataService")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--to", "cassandra-2018", "nowhere"], "HOST:PORT/KEYSPACE"),
        (["--to", "cassandra-2018", "127.0.0.1:1/x", "--values"], "do not go with"),
        (["--to", "1", "--to", "2", "file"], "one time is enough"),
        (["--to", "cassandra-2018", "127.0.0.1:1/x", "--table", "a b"], "letters, digits"),
        (["--to", "cassandra-2018", "127.0.0.1:1/x"], "does not answer"),
    ],
)
def test_what_cannot_be_is_refused(
    api: httpx.Client, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "--server", str(api.base_url), *arguments]) != 0
    assert says in capsys.readouterr().err


def test_a_table_of_another_kind_is_refused(
    api: httpx.Client, cassandra: CassandraNode, keyspace: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cassandra.session.execute(f"CREATE TABLE {keyspace}.provenancetable (id text PRIMARY KEY, name text)")
    assert export(api, cassandra, keyspace, folder) != 0
    assert "is no table of 2018" in capsys.readouterr().err


def test_a_store_on_cassandra_is_exported_too(
    cassandra: CassandraNode, store_keyspace: CassandraOptions, keyspace_name: str, folder: Path
) -> None:
    with new_store("cassandra") as kept:
        chain(kept)
        options = ApiOptions(folder=str(kept.folder), site=kept.site, store=kept.options)
        with served(kept.open_reader, lambda: 0, options) as ours:
            assert export(ours, cassandra, keyspace_name, folder) == 0
            tables = options_2018(cassandra, folder, keyspace_name)
            with served(lambda: Cassandra2018Reader(tables, lambda: 0), lambda: 0, ApiOptions(store=tables)) as theirs:
                for last in range(3):
                    way = f"/v1/provenance/{one(3, last)}?structure=recursive"
                    assert theirs.get(way).json() == ours.get(way).json()
                    assert theirs.get(way).json()["inputDatapoints"]
