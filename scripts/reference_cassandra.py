"""The tables of docs/cassandra.md: every table of a keyspace, and every statement that the store issues."""

from headwater.store.cassandra.statements import Statement, statements
from headwater.store.cassandra.tables import TABLES
from scripts.reference_types import table


def parts() -> dict[str, str]:
    """The parts of the page by name."""
    found = statements().values()
    asked = [one for one in found if one.cql.startswith("SELECT")]
    written = [one for one in found if not one.cql.startswith("SELECT")]
    return {
        "tables": table(
            ("table", "partition", "clustering", "what it holds"),
            (
                (
                    f"`{one.name}`",
                    _columns(one.partition),
                    _columns(one.clustering),
                    one.about[:1].upper() + one.about[1:],
                )
                for one in TABLES
            ),
        ),
        "questions": table(("statement", "partition"), map(_row, asked)),
        "writes": table(("statement", "partition"), map(_row, written)),
    }


def _row(statement: Statement) -> tuple[str, str]:
    return (f"`{statement.cql}`", _columns(statement.table.partition))


def _columns(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
