"""Statements to mutate, and the tables that they are about, for tests without a server."""

from hypothesis import strategies as st

from headwater.store.cassandra.tables import TABLES
from headwater.store.cql.bounds import Scope, Table

SITE = "o'hara"
_SITED = "site = 'o''hara'"
GOOD = (
    f"SELECT * FROM node WHERE {_SITED}",
    f"SELECT id, name AS called FROM stores.node WHERE {_SITED} AND id IN (1, 2) ORDER BY id DESC LIMIT 5;",
    f"select count(*), token(site, node) from node_bucket where {_SITED} and node = 1 and bucket >= -3 -- all",
    f"SELECT stamp FROM stored_batch WHERE {_SITED} AND node IN (1, 2, 3) AND bucket = 424 AND start > 7",
    f'SELECT "sequence" FROM head WHERE {_SITED} AND log = 0xCAFE /* of a log */',
    f"SELECT * FROM series_by_meter WHERE {_SITED} AND meter = 'm' AND metric < 'x' PER PARTITION LIMIT 2 LIMIT 3",
    "SELECT version FROM headwater_schema WHERE name = 'headwater'",
)
_PIECES = [
    *("SELECT", "FROM", "WHERE", "AND", "IN", "LIMIT", "ORDER BY", "PER PARTITION LIMIT", "ALLOW FILTERING", "JSON"),
    *("DISTINCT", "(", ")", ",", ";", "*", "=", "<", ">=", ".", "'", '"', "--", "/*", "$$", "?", ":x", "0x0", "{}"),
    *("null", "true", "1", "-1", "99999999999999999999", "1e999", "1.5", "'a'", "''", "system", "system_auth.roles"),
    *("site", "node", "stores", "bucket", "count(*)", "token(site)", "now()", "writetime(name)", "USING", "; DROP"),
    *("BATCH", "é", "\0", "\n", "\u2028", "node", "OR 1 = 1", "GROUP BY site", "id", "AS x", "CONTAINS 'a'"),
    "123e4567-e89b-12d3-a456-426614174000",
]


def scope() -> Scope:
    """The tables of a store."""
    tables = {
        each.name: Table(
            each.name,
            {name: kind.removesuffix(" static") for name, kind in each.columns.items()},
            each.partition,
            each.clustering,
        )
        for each in TABLES
    }
    return Scope("stores", tables, SITE)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A statement that is right, with some of its pieces taken out, put in, doubled or cut."""
    text = draw(st.sampled_from(GOOD))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(text)))
        end = min(len(text), at + draw(st.integers(0, 12)))
        piece = draw(st.sampled_from(_PIECES) | st.text(max_size=3) | st.just(text[at:end]))
        text = text[:at] + draw(st.sampled_from(("", " "))) + piece + " " + text[draw(st.sampled_from((at, end))) :]
    return text
