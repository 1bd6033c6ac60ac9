"""CQL of users: either it names whole partitions of the store's own tables, or it is refused with place and reason."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.store.cql.bounds import Asked, bounded
from headwater.store.cql.grammar import parse
from headwater.store.cql.tokens import TEXT_MAX
from headwater.store.query.faults import SqlFault
from tests.store.cql.statements import GOOD, SITE, mutated, scope

ROWS = 100
SCOPE = scope()


def written(text: str) -> Asked:
    return bounded(parse(text), SCOPE, ROWS)


_NAME, _VALUE = r'"(?:[^"]|"")+"', r"(?:'(?:[^']|'')*'|-?[0-9.e+-]+|true|false|0x[0-9a-f]*|[0-9a-f-]{36})"
_RELATION = rf"{_NAME} (?:(?:=|<|<=|>|>=) {_VALUE}|IN \({_VALUE}(?:, {_VALUE})*\))"
_SHOWN = rf"(?:{_NAME}|toUnixTimestamp\({_NAME}\)|count\(\*\)|token\({_NAME}(?:, {_NAME})*\))"
CANONICAL = re.compile(
    rf'SELECT {_SHOWN}(?:, {_SHOWN})* FROM "stores"\."(?P<table>\w+)"'
    rf" WHERE (?P<where>{_RELATION}(?: AND {_RELATION})*)"
    rf"(?: ORDER BY {_NAME} (?:ASC|DESC)(?:, {_NAME} (?:ASC|DESC))*)?"
    r"(?: PER PARTITION LIMIT [1-9]\d*)? LIMIT (?P<limit>[1-9]\d*)",
    re.DOTALL,
)


def is_whole(cql: str) -> None:
    """What is sent to Cassandra is of one shape: it names the whole partition, within our keyspace, site and bound."""
    found = CANONICAL.fullmatch(cql)
    assert found is not None, cql
    relations = re.findall(rf'"(\w+)" (=|IN|[<>]=?) (\(.*?\)|{_VALUE})', found["where"], re.DOTALL)
    fixed = {name: value for name, sign, value in relations if sign in ("=", "IN")}
    table = SCOPE.tables[found["table"]]
    assert fixed.keys() >= set(table.partition), cql
    if "site" in table.partition:
        assert set(re.findall(_VALUE, fixed["site"])) == {"'o''hara'"}
    assert int(found["limit"]) <= ROWS + 1


@pytest.mark.parametrize("text", GOOD)
def test_what_names_whole_partitions_is_written_anew(text: str) -> None:
    is_whole(written(text).cql)


def test_nothing_of_the_text_is_passed_on_but_names_and_values() -> None:
    asked = written("select ID, name as X from NODE where site = 'o''hara' and id > -1 order by id limit 7;;")
    assert asked.cql == (
        'SELECT "id", "name" FROM "stores"."node" WHERE "site" = \'o\'\'hara\' AND "id" > -1 ORDER BY "id" ASC LIMIT 7'
    )
    assert (asked.columns, asked.types, asked.limited) == (("id", "x"), ("int", "text"), True)


def test_a_limit_is_added_or_lowered() -> None:
    assert written(GOOD[0]).cql.endswith(" LIMIT 101")
    assert written(f"{GOOD[0]} LIMIT 100000").cql.endswith(" LIMIT 101")
    assert not written(f"{GOOD[0]} LIMIT 100000").limited


def outcome(text: str) -> Asked | SqlFault:
    try:
        return written(text)
    except SqlFault as fault:
        return fault


@given(mutated() | st.text())
def test_any_text_is_refused_with_a_reason_or_names_whole_partitions(text: str) -> None:
    found = outcome(text)
    if isinstance(found, Asked):
        is_whole(found.cql)
        return
    assert found.reason == "cql"
    assert found.said
    if found.line is None or found.column is None:
        assert len(text) > TEXT_MAX
        return
    lines = text.split("\n")
    assert 1 <= found.line <= len(lines)
    assert 1 <= found.column <= len(lines[found.line - 1]) + 1


_ONE = "WHERE site = 'o''hara'"


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("", (1, 1), "a SELECT"),
        ("DROP TABLE node", (1, 1), "only SELECT"),
        (f"SELECT * FROM node {_ONE}; SELECT * FROM node {_ONE}", (1, 44), "only one statement"),
        ("SELECT * FROM node", (1, 19), "site is missing"),
        ("SELECT *\nFROM stored_batch WHERE node = 1", (2, 33), "site and bucket are missing"),
        ("SELECT * FROM node WHERE site >= 'o''hara'", (1, 26), "named by = or IN"),
        ("SELECT * FROM node WHERE site = 'other'", (1, 33), "for the site o'hara, no other"),
        ("SELECT * FROM node WHERE site IN ('o''hara', 'other')", (1, 46), "for the site o'hara, no other"),
        (f"SELECT * FROM system.local {_ONE}", (1, 15), "only the keyspace stores"),
        (f"SELECT * FROM roles {_ONE}", (1, 15), "there is no table roles"),
        (f"SELECT nmae FROM node {_ONE}", (1, 8), "did you mean name"),
        (f"SELECT * FROM node {_ONE} AND name = 'x'", (1, 47), "name is not in the key"),
        (f"SELECT * FROM node {_ONE} AND id = 'x'", (1, 52), "id is int"),
        (f"SELECT * FROM node {_ONE} AND id = 2147483648", (1, 52), "beyond what id can be"),
        (f"SELECT * FROM node {_ONE} AND id = true", (1, 52), "id is int"),
        (f"SELECT * FROM node {_ONE} AND id IN ({', '.join(map(str, range(101)))})", (1, 47), "more than 100"),
        (f"SELECT * FROM node {_ONE} ALLOW FILTERING", (1, 43), "reads all of a table"),
        (f"SELECT JSON * FROM node {_ONE}", (1, 8), "SELECT JSON"),
        (f"SELECT DISTINCT site FROM node {_ONE}", (1, 8), "keys of all partitions"),
        (f"SELECT now() FROM node {_ONE}", (1, 8), "only count(*) and token()"),
        (f"SELECT token(id) FROM node {_ONE}", (1, 14), "token(site)"),
        ("SELECT * FROM node WHERE token(site) > 0", (1, 26), "range of tokens is no partition"),
        (f"SELECT * FROM node {_ONE} LIMIT 0", (1, 49), "a limit is an integer"),
        (f"SELECT * FROM node {_ONE} LIMIT ?", (1, 49), "nothing to fill"),
        ("SELECT * FROM node WHERE site = 'o", (1, 33), "a ' is missing"),
        (f"SELECT * FROM node {_ONE} AND id = null", (1, 52), "nothing is equal to null"),
        (f"SELECT * FROM node {_ONE} GROUP BY site", (1, 43), "SQL (/v1/query) has it"),
        (f"SELECT * FROM head {_ONE} AND log = 'x'", (1, 53), "0x… is needed"),
        ("SELECT " + "x" * TEXT_MAX, (None, None), "characters"),
    ],
)
def test_a_refusal_says_where_and_what_to_do(text: str, place: tuple[int | None, int | None], says: str) -> None:
    with pytest.raises(SqlFault) as refused:
        written(text)
    assert says in refused.value.said
    assert (refused.value.line, refused.value.column) == place


def test_the_site_of_the_tests_needs_quoting() -> None:
    assert "'" in SITE
