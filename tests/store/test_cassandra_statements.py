"""Every statement names one whole partition, is in the documentation, and is all that is issued."""

import re
from pathlib import Path

import pytest

from headwater.store.cassandra.options import CassandraOptions
from headwater.store.cassandra.statements import Statement, statements
from headwater.store.cassandra.tables import MIGRATIONS, TABLES
from tests.services.fixtures import CassandraNode
from tests.store.stores import chain, new_store

PAGE = Path(__file__).parents[2] / "docs" / "cassandra.md"
FORBIDDEN = ("ALLOW FILTERING", "DELETE", " IF ", "LOGGED", "UPDATE", "TOKEN(")


@pytest.mark.parametrize("name", statements())
def test_a_statement_names_a_whole_partition_and_deletes_and_filters_nothing(name: str) -> None:
    statement = statements()[name]
    assert not [word for word in FORBIDDEN if word in statement.cql.upper()]
    assert named_columns(statement) >= set(statement.table.partition), statement.cql


def named_columns(statement: Statement) -> set[str]:
    """The columns that a statement gives a value for."""
    if statement.cql.startswith("INSERT"):
        columns = re.search(r"\((.*?)\)", statement.cql)
        assert columns is not None
        return set(columns[1].split(", "))
    where = statement.cql.partition(" WHERE ")[2]
    return set(re.findall(r"(\w+) = \?", where))


@pytest.mark.parametrize("name", [table.name for table in TABLES])
def test_every_table_is_read_and_written_by_some_statement(name: str) -> None:
    verbs = {one.cql.split()[0] for one in statements().values() if one.table.name == name}
    assert verbs == {"SELECT", "INSERT"} or name == "headwater_schema"


def test_every_migration_adds_tables_that_there_are() -> None:
    assert [table for tables in MIGRATIONS.values() for table in tables] == list(TABLES)


def test_nothing_is_issued_that_the_page_does_not_list(
    cassandra: CassandraNode, store_keyspace: CassandraOptions
) -> None:
    """Cassandra itself keeps every statement that was prepared: also those of all tests that ran before."""
    with new_store("cassandra") as store:
        chain(store)
        store.reader.totals()
    asked = "SELECT query_string, logged_keyspace FROM system.prepared_statements"
    # Tables of 2018 are in keyspaces of their own, and one of them has the name of one of ours.
    prepared = {
        query
        for query, keyspace in cassandra.session.execute(asked)
        if keyspace == store_keyspace.keyspace and not query.startswith("/*")
    }
    page = PAGE.read_text()
    listed = set(re.findall(r"^\| `(SELECT.*?|INSERT.*?)` \|", page, re.MULTILINE))
    assert listed == {one.cql for one in statements().values()}
    issued = {query for query in prepared if re.search(rf"(FROM|INTO) ({'|'.join(t.name for t in TABLES)})\b", query)}
    assert len(issued) > 20
    assert issued <= listed
