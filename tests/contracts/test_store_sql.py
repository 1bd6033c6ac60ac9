"""The relation holds what the store holds, whatever it is asked with: checked against an oracle in plain Python."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.model.ids import DataPointId, format_node
from headwater.model.records import Kind
from headwater.model.shipment import Shipment
from headwater.model.stamp import Lists, OriginKind, Same
from headwater.store.port import DataPoint
from headwater.store.query import child
from headwater.store.query.opening import open_view
from headwater.store.query.relation import NAMES
from headwater.store.query.wanted import ALL, Wanted
from tests.store.grids import AVERAGED, NODES, Grid, Oracle, grids, keys_of, point, run, series_of, stamped
from tests.store.query.asking import Row, ask_of
from tests.store.stores import DAY_MS, FIRST, Store, chain, new_store
from tests.store.stores import NAMES as SERIES_NAMES

ORIGINS = {OriginKind.SOURCE: "source", OriginKind.ENTRY: "entry", OriginKind.STEP: "step"}


def without_site(rows: list[Row]) -> list[Row]:
    """Each implementation has sites of its own."""
    return [{name: value for name, value in row.items() if name != "site"} for row in rows]


def row_of(found: DataPoint) -> Row:
    """What the relation should say of a data point."""
    context = found.context
    assert context is not None
    kind, stream, number = found.origin
    return {
        "id": str(found.id),
        "node": format_node(found.id.node),
        "node_name": f"node{found.id.node}",
        "meter": found.key and found.key.meter,
        "metric": found.key and found.key.metric,
        "timestamp": found.timestamp,
        "stime": found.sent_ms,
        "rtime": found.received_ms,
        "location": None,
        "latitude": None,
        "longitude": None,
        "application": context.application,
        "class": None,
        "line": None,
        "step": context.step,
        "kind": "out" if found.kind == Kind.OUT else "data",
        "inputs": [str(edge.point) for edge in found.inputs],
        "contribution": found.inputs[0].contribution if found.inputs else None,
        "outside": found.outside,
        "origin": ORIGINS[kind],
        "origin_stream": stream,
        "origin_number": number,
        "clock_offset": None,
        **dict.fromkeys(("node_health", "pipeline_health", "provenance_health", "link_health")),
        "value": None,
        "value_state": None,
    }


class Condition(NamedTuple):
    """A condition as SQL, and as Python says it."""

    sql: str
    holds: Callable[[Row], bool]


def compared(name: str, sign: str, value: object) -> Condition:
    tests: dict[str, Callable[[object, object], bool]] = {
        "=": lambda a, b: a == b,
        "<": lambda a, b: a < b,  # type: ignore[operator]
        "<=": lambda a, b: a <= b,  # type: ignore[operator]
        ">": lambda a, b: a > b,  # type: ignore[operator]
        ">=": lambda a, b: a >= b,  # type: ignore[operator]
    }
    holds = tests[sign]
    shown = f"'{value}'" if isinstance(value, str) else str(value)
    return Condition(f"{name} {sign} {shown}", lambda row: row[name] is not None and holds(row[name], value))


def either(*of: Condition) -> Condition:
    return Condition(f"({' OR '.join(one.sql for one in of)})", lambda row: any(one.holds(row) for one in of))


def every(*of: Condition) -> Condition:
    return Condition(f"({' AND '.join(one.sql for one in of)})", lambda row: all(one.holds(row) for one in of))


SIGNS = st.sampled_from(["=", "<", "<=", ">", ">="])


def conditions() -> st.SearchStrategy[Condition]:
    ids = st.builds(lambda node, at: str(point(node, at)), st.sampled_from(NODES), st.integers(0, 12))
    leaves = st.one_of(
        st.builds(compared, st.just("id"), SIGNS, ids | ids.map(lambda id: id[:13])),
        st.builds(compared, st.just("node"), st.just("="), st.sampled_from(["000001", "000002", "1", "00000A"])),
        st.builds(compared, st.just("meter"), st.just("="), st.sampled_from(["meter1", "meter2", "nobody"])),
        st.builds(compared, st.just("metric"), st.just("="), st.sampled_from(["metric1", "metric2", "metric3"])),
        st.builds(compared, st.just("timestamp"), SIGNS, st.integers(-1, 51)),
        st.builds(compared, st.just("rtime"), SIGNS, st.integers(1000, 1015)),
        st.builds(compared, st.just("kind"), st.just("="), st.sampled_from(["data", "out"])),
    )
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, min_size=1, max_size=3).flatmap(
            lambda of: st.sampled_from([either(*of), every(*of)])
        ),
        max_leaves=4,
    )


def filled(store: Store, grid: Grid, days: int) -> None:
    store.ship_names(grid)
    for number, (node, shipment) in enumerate(grid.shipments()):
        if number and number % 4 == 0 and days:
            store.next_day()
        store.ship(node, shipment)


def rows_by_oracle(grid: Grid) -> list[Row]:
    oracle = Oracle(grid)
    return sorted((row_of(oracle.point(id)) for id in oracle.ids), key=lambda row: str(row["id"]))


QUICK = settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])


@QUICK
@given(grids(), st.integers(0, 1))
def test_every_column_of_every_data_point_is_what_the_store_holds(kind: str, grid: Grid, days: int) -> None:
    with new_store(kind) as store:
        filled(store, grid, days)

        found = ask_of(store, "SELECT * FROM provenance ORDER BY id")

    assert without_site(found.rows) == rows_by_oracle(grid)
    assert {row["site"] for row in found.rows} <= {store.site}
    assert found.begun.columns == list(NAMES)


@QUICK
@given(grids(), st.integers(0, 1), st.lists(conditions(), min_size=1, max_size=4))
def test_what_is_decoded_for_conditions_is_all_they_ask_for(
    kind: str, grid: Grid, days: int, wanted: list[Condition]
) -> None:
    rows = rows_by_oracle(grid)
    with new_store(kind) as store:
        filled(store, grid, days)
        for condition in wanted:
            found = ask_of(store, f"SELECT id FROM provenance WHERE {condition.sql} ORDER BY id")

            assert [row["id"] for row in found.rows] == [row["id"] for row in rows if condition.holds(row)], (
                condition.sql
            )


@QUICK
@given(grids(), conditions(), st.integers(0, 6), st.integers(0, 3))
def test_the_newest_are_those_with_the_highest_ids(
    kind: str, grid: Grid, condition: Condition, limit: int, offset: int
) -> None:
    expected = [row["id"] for row in reversed(rows_by_oracle(grid)) if condition.holds(row)][offset : offset + limit]
    with new_store(kind) as store, pytest.MonkeyPatch.context() as patch:
        patch.setattr(child, "FIRST_LOOK_ROWS", 1)
        patch.setattr(child, "LOOK_FURTHER", 2)
        filled(store, grid, 1)
        sql = f"SELECT id FROM provenance p WHERE {condition.sql} ORDER BY p.id DESC LIMIT {limit} OFFSET {offset}"

        found = ask_of(store, sql)

    assert [row["id"] for row in found.rows] == expected


def ids_of(store: Store, sql: str) -> list[DataPointId | str]:
    return [row["id"] for row in ask_of(store, sql).rows]


def test_a_relation_named_twice_is_read_twice(store: Store) -> None:
    chain(store)
    sql = "SELECT b.id FROM provenance a JOIN provenance b ON list_contains(b.inputs, a.id) WHERE a.node = '000001'"

    assert sorted(ids_of(store, sql)) == [str(point(2, at)) for at in range(3)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT b.id FROM provenance a RIGHT JOIN provenance b ON b.id = a.id AND a.node = '000002' WHERE a.id IS NULL",
        "SELECT id FROM provenance WHERE NOT (node = '000002')",
        "SELECT id FROM provenance WHERE node = '000002' IS FALSE",
        "SELECT id FROM provenance WHERE CASE WHEN node = '000002' THEN false ELSE true END",
        "SELECT id FROM provenance EXCEPT SELECT id FROM provenance WHERE node = '000002'",
        "SELECT b.id FROM provenance b ANTI JOIN (SELECT id FROM provenance WHERE node = '000002') a USING (id)",
        "SELECT id FROM provenance p(id, nowhere) WHERE nowhere <> '000002'",
        "SELECT id FROM (SELECT id, '000002' AS node, node AS n FROM provenance) WHERE node = '000002' AND n <> node",
        "SELECT id FROM provenance WHERE node IN (SELECT '00000' || unnest(['1', '3']))",
        "WITH a AS (SELECT * FROM provenance WHERE node = '000001') SELECT id FROM a UNION ALL"
        " SELECT id FROM provenance WHERE node > '000002'",
    ],
)
def test_a_condition_narrows_only_what_it_is_about(store: Store, sql: str) -> None:
    chain(store)

    assert sorted(ids_of(store, sql)) == sorted(str(point(node, at)) for node in (1, 3) for at in range(3))


@pytest.mark.parametrize(
    ("sql", "read"),
    [
        ("SELECT * FROM provenance WHERE id = '{id}'", 1),
        ("SELECT * FROM provenance WHERE id IN ('{id}', 'nonsense', NULL)", 1),
        ("SELECT * FROM provenance WHERE node = '000003' AND id >= '{id}'", 2),
        ("SELECT id FROM provenance WHERE timestamp BETWEEN 5000 AND 2 * 5000", 0),
        ("SELECT id FROM provenance WHERE epoch_ms(timestamp) > TIMESTAMP '2001-01-01'", 0),
        ("SELECT id FROM provenance WHERE timestamp > epoch_ms(now()) - 1000", 0),
        ("SELECT id FROM provenance WHERE meter = 'nobody'", 0),
        ("SELECT a.id FROM provenance a, provenance b WHERE a.id = '{id}' AND b.id = '{id}'", 2),
    ],
)
def test_conditions_spare_decoding(store: Store, sql: str, read: int) -> None:
    chain(store)

    assert ask_of(store, sql.replace("{id}", str(point(3, 1)))).ended.read == read


def test_the_newest_are_found_without_decoding_the_rest(store: Store) -> None:
    store.ship(1, SERIES_NAMES)
    batches = [
        stamped(run(1, 8000 * at, 8000), keys=keys_of([1] * 8000, [at] * 8000), sequence=at + 1) for at in range(20)
    ]
    store.ship_all((1, Shipment((batch,))) for batch in batches)

    found = ask_of(store, "SELECT id FROM provenance WHERE meter = 'meter1' ORDER BY id DESC LIMIT 50")

    assert [row["id"] for row in found.rows] == [str(point(1, 159_999 - at)) for at in range(50)]
    assert found.ended.read <= 24_000


def test_a_series_is_found_through_what_inherits_it_in_another_period(store: Store) -> None:
    chain(store)
    for day in range(5):
        store.next_day()
        other = [
            stamped(run(1, 1000 + 300 * day + at, 1), keys=keys_of([3], [DAY_MS + at]), sequence=100 + 300 * day + at)
            for at in range(300)
        ]
        store.ship_all((1, Shipment((batch,))) for batch in other)
    store.ship(1, Shipment((), (series_of(1, 3),)))
    store.ship(2, Shipment((stamped(run(2, 50, 3), Same(run(1, 0, 3)), sequence=9_000, entry=FIRST.entry),)))

    found = ask_of(store, "SELECT id FROM provenance WHERE metric = 'metric2' ORDER BY id")

    assert [row["id"] for row in found.rows] == sorted(
        str(point(node, at)) for node, at in ((1, 2), (2, 2), (3, 2), (2, 52))
    )
    assert found.ended.read < 400


def test_what_is_stored_meanwhile_is_not_seen_half(store: Store) -> None:
    """A query sees the store as it was when it began, however often it names the relation."""
    chain(store, 1)
    view = open_view(store.options, store.folder, store.site)
    store.ship(2, Shipment((stamped(run(2, 0, 3), Same(run(1, 0, 3)), sequence=50, entry=FIRST.entry),)))
    store.next_day()
    store.ship(3, Shipment((stamped(run(3, 0, 3), Same(run(2, 0, 3)), sequence=51, entry=FIRST.entry),)))

    for wanted in (ALL, Wanted(nodes=frozenset({1, 2, 3})), Wanted(meters=frozenset({"meter1"}))):
        assert [batch.node for portion in view.batches(wanted) for batch in portion] == [1]
    view.close()


def test_a_step_is_named_with_what_it_contributed(store: Store) -> None:
    chain(store)
    made = Lists("average", ((run(2, 0, 2),), (run(2, 2, 1), run(2, 0, 1))))
    batch = stamped(run(3, 10, 2), made, context=AVERAGED, keys=keys_of([1, 1], [10, 20]))
    store.ship(3, Shipment((batch,), (), (AVERAGED,)))

    found = ask_of(store, "SELECT * FROM provenance WHERE contribution = 'average' ORDER BY id").rows

    assert [row["inputs"] for row in found] == [
        [str(point(2, 0)), str(point(2, 1))],
        [str(point(2, 2)), str(point(2, 0))],
    ]
    assert {row["step"] for row in found} == {AVERAGED.step}
