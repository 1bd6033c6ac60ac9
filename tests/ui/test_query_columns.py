"""What the editor completes is what there is."""

from headwater.store.query.relation import COLUMNS, NAME
from headwater.ui.query import columns


def test_every_column_of_the_relation_is_completed() -> None:
    assert columns.RELATION == NAME
    assert list(columns.COLUMNS.items()) == [(column.name, column.type) for column in COLUMNS]
