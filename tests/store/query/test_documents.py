"""The page about SQL says what there is."""

import re
from pathlib import Path

from headwater.store.query import functions
from headwater.store.query.relation import COLUMNS

PAGE = Path(__file__).parents[3] / "docs" / "sql.md"


def test_every_column_is_on_the_page_as_it_is() -> None:
    listed = re.findall(r"^\| `(\w+)` \| ([A-Z\[\]]+) \| (.+) \|$", PAGE.read_text(), re.MULTILINE)

    assert listed == [tuple(column) for column in COLUMNS]


def test_functions_that_reach_outside_are_not_on_the_list() -> None:
    reaching = (
        "read_csv read_parquet read_json read_text read_blob glob sniff_csv parquet_scan query query_table"
        " json_execute_serialized_sql getenv getvariable current_setting duckdb_settings current_user which_secret"
        " nextval setval write_log checkpoint sleep_ms pg_sleep arrow_scan python_map_function"
    )
    assert not functions.ALLOWED.intersection(reaching.split())
    assert not functions.TABLES.intersection(reaching.split())
