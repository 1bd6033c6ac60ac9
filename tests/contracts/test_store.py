"""What every provenance store promises of what it takes in, on every implementation."""

import pytest

from headwater.model.context import Context
from headwater.model.errors import Rejected
from headwater.model.ids import IdRun
from headwater.model.reading import SeriesKey
from headwater.model.records import Config, Definition, Loss
from headwater.model.report import NodeReport
from headwater.model.shipment import Shipment, ShippedStamp
from headwater.model.stamp import Lists, Same, Select, bitmap
from headwater.store.port import Group
from tests.store.grids import (
    CONTEXT,
    keys_of,
    log_of,
    point,
    run,
    series_of,
    stamped,
)
from tests.store.stores import A_TO_C, FIRST, NAMES, Store, chain


def test_adding_a_shipment_twice_changes_nothing(store: Store) -> None:
    chain(store)
    shipment = Shipment((FIRST,), NAMES.definitions, (CONTEXT,), (), ((7, Loss("gap", log_of(1), 1, 2)),))
    store.ship(1, shipment)
    before = store.reader.totals(), store.reader.backward(A_TO_C), store.reader.losses()
    store.ship(1, shipment)
    store.next_day()
    store.ship(1, shipment)
    after = store.reader.totals(), store.reader.backward(A_TO_C), store.reader.losses()
    assert after[1:] == before[1:]
    assert after[0] | {"bytes": 0} == before[0] | {"bytes": 0}
    assert store.reader.refused() == {}


def test_ids_stored_with_other_content_are_refused_with_an_alarm_and_others_are_stored(store: Store) -> None:
    chain(store, nodes=1)
    before = store.reader.points(A_TO_C)
    other = stamped(run(1, 0, 3), keys=keys_of([1, 1, 1], [10, 20, 10]))
    new = stamped(run(1, 10, 1), keys=keys_of([1], [5]), sequence=9)
    outcomes = store.writer.add_all(
        [
            Group(log_of(1), 8, Shipment((new, other))),
            Group(log_of(1), 9, Shipment((new,))),
            Group(log_of(1), 10, Shipment((stamped(run(1, 10, 1), sequence=10),))),
        ]
    )
    assert [outcome and outcome.reason for outcome in outcomes] == ["conflict", None, "conflict"]
    assert store.reader.points(A_TO_C) == before
    assert len(store.reader.points([point(1, 10)])) == 1
    assert store.reader.totals()["conflicts"] == 2
    alarms = store.reader.alarms()
    assert [(alarm.reason, alarm.node, alarm.sequence) for alarm in alarms] == [
        ("conflict", 1, 10),
        ("conflict", 1, 8),
    ]
    assert "two nodes" in alarms[0].detail


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize(("first", "count"), [(0, 2), (2, 2), (1, 1), (0, 9)])
def test_id_runs_that_overlap_are_a_conflict(store: Store, first: int, count: int, sealed: bool) -> None:
    store.ship(1, Shipment((FIRST, stamped(run(1, 20, 1)))))
    if sealed:
        store.next_day()
    overlapping = Shipment((stamped(run(1, first, count), keys=keys_of([1] * count, [1] * count)),))
    with pytest.raises(Rejected, match="conflict"):
        store.ship(1, overlapping)
    with pytest.raises(Rejected, match="conflict"):
        store.ship(1, Shipment((stamped(run(1, 30, 3)), stamped(run(1, 32, 3)))))
    assert store.reader.totals()["batches"] == 2


def test_a_refused_shipment_is_passed_and_nothing_of_it_is_stored(store: Store) -> None:
    chain(store, nodes=1)
    bad = stamped(run(1, 0, 1))
    loss = (5, Loss("gap", log_of(2), 1, 2))
    config = (6, Config(1, "node1"))
    shipment = Shipment((bad,), (series_of(1, 9),), (Context(line=7),), (config,), (loss,))
    with pytest.raises(Rejected, match="conflict"):
        store.writer.add(log_of(1), [(50, shipment)])
    assert store.hello(1) == 50
    assert store.reader.losses() == []
    assert store.reader.nodes()[0].config is None
    keys = keys_of([9], [1])
    store.ship(1, Shipment((stamped(run(1, 40, 1), keys=keys, context=Context(line=7)),)))
    (data_point,) = store.reader.points([point(1, 40)]).values()
    assert (data_point.key, data_point.context) == (None, None)


def test_ids_of_another_node_are_refused(store: Store) -> None:
    with pytest.raises(Rejected, match="unknown-node"):
        store.ship(1, Shipment((stamped(run(2, 0, 1)),)))
    with pytest.raises(Rejected, match="unknown-node"):
        store.ship(1, Shipment((), (), (), ((1, Config(2, "node2")),)))
    assert store.reader.totals()["stamps"] == 0
    assert store.reader.refused() == {"unknown-node": 2}


def test_a_log_that_never_said_hello_is_refused_and_not_passed(store: Store) -> None:
    with pytest.raises(Rejected, match="unknown-node"):
        store.writer.add(b"stranger", [(9, Shipment((FIRST,)))])
    assert store.hello(8, b"stranger") == 0


BAD_STAMPS = {
    "stamp": [
        stamped(run(1, 0, 2), Same(run(2, 0, 3))),
        stamped(run(1, 0, 1), Select(run(2, 0, 3), bitmap([0, 1], 3))),
        stamped(run(1, 0, 2), Lists("average", ((run(2, 0, 1),),))),
        stamped(run(1, 0, 9_000)),
        stamped(run(1, 0, 1), Lists("average", ((run(2, 0, 1 << 40),),))),
        stamped(run(1, 0, 0)),
        stamped(IdRun(1, -1, 1)),
        stamped(run(1, 0, 1), received_ms=1 << 64),
        stamped(run(1, 0, 1), sequence=-1),
        stamped(run(1, 0, 1), entry=b"short"),
    ],
    "payload": [
        stamped(run(1, 0, 2), keys=keys_of([1], [1])),
        stamped(run(1, 0, 1), keys=b"garbage"),
        stamped(run(1, 0, 1), keys=keys_of([1], [1])[:-1]),
    ],
    "series": [stamped(run(1, 0, 1), keys=keys_of([1 << 50], [1]))],
}


@pytest.mark.parametrize(
    ("reason", "stamp"), [(reason, stamp) for reason, stamps in BAD_STAMPS.items() for stamp in stamps]
)
def test_a_stamp_that_is_wrong_in_itself_is_refused_by_name(store: Store, reason: str, stamp: ShippedStamp) -> None:
    with pytest.raises(Rejected, match=f"the stamp of record {stamp.sequence}") as refusal:
        store.ship(1, Shipment((stamp,)))
    assert refusal.value.reason == reason
    assert store.reader.refused() == {reason: 1}
    assert store.reader.totals()["stamps"] == 0


def test_a_series_number_never_means_two_things(store: Store) -> None:
    chain(store, nodes=1)
    with pytest.raises(Rejected, match="conflict"):
        store.ship(1, Shipment((), (Definition(log_of(1), 1, "other", "metric1"),)))
    assert store.reader.points(A_TO_C)[A_TO_C[0]].key == SeriesKey("meter1", "metric1")


def test_a_damaged_definition_yields_to_a_whole_one_and_never_replaces_it(store: Store) -> None:
    damaged = Definition(log_of(1), 1, "", "", damaged=True)
    store.ship(1, Shipment((FIRST,), (damaged,)))
    at = A_TO_C[0]
    assert store.reader.points([at])[at].key is None
    assert store.reader.points([at])[at].timestamp == 10
    store.ship(1, NAMES)
    store.ship(1, Shipment((), (damaged,)))
    assert store.reader.points([at])[at].key == SeriesKey("meter1", "metric1")


def test_a_store_is_the_same_after_it_was_closed(store: Store) -> None:
    chain(store)
    store.next_day()
    store.ship(1, Shipment((stamped(run(1, 50, 1), keys=keys_of([1], [15]), sequence=5),)))
    at = [point(3, 0)]
    before = store.reader.backward(at), store.reader.last_of(1, 9), store.hello(1)
    store.reopen()
    assert (store.reader.backward(at), store.reader.last_of(1, 9), store.hello(1)) == before
    store.ship(1, Shipment((FIRST,)))
    with pytest.raises(Rejected, match="conflict"):
        store.ship(1, Shipment((stamped(run(1, 1, 1)),)))
    found = store.reader.find(SeriesKey("meter1", "metric1"), 0, 50, 9)
    assert [at.timestamp for at in found] == [10, 15, 20]


@pytest.mark.parametrize("sealed", [False, True])
def test_ids_stored_before_a_restart_are_still_taken(store: Store, sealed: bool) -> None:
    store.ship(1, Shipment((FIRST,)))
    if sealed:
        store.next_day()
        store.ship(2, Shipment((stamped(run(2, 0, 1)),)))
    store.reopen()
    store.hello(1)
    with pytest.raises(Rejected, match="conflict"):
        store.ship(1, Shipment((stamped(run(1, 1, 1)),)))
    before = store.reader.totals()["batches"]
    store.ship(1, Shipment((FIRST,)))
    assert store.reader.totals()["batches"] == before


def test_hello_answers_the_last_sequence_stored_of_that_log(store: Store) -> None:
    assert store.hello(1) == 0
    store.writer.add(log_of(1), [(7, NAMES), (9, Shipment((FIRST,)))])
    store.writer.add(log_of(1), [(3, NAMES)])
    assert store.hello(1) == 9
    store.writer.add(log_of(1), [(12, NAMES), (11, NAMES)])
    assert store.hello(1) == 12
    store.next_day()
    store.writer.add(log_of(2), [(4, NAMES)])
    assert (store.hello(1), store.hello(2), store.hello(3)) == (12, 4, 0)


def test_another_log_under_a_live_node_id_is_refused_until_the_first_is_gone(store: Store) -> None:
    with pytest.raises(Rejected, match="node-conflict"):
        store.hello(1, b"otherlog")
    store.now_ms += 29_000
    store.ship(1, NAMES)
    store.now_ms += 29_000
    with pytest.raises(Rejected, match="node-conflict"):
        store.hello(1, b"otherlog")
    store.now_ms += 2_000
    assert store.hello(1, b"otherlog") == 0
    with pytest.raises(Rejected, match="node-conflict"):
        store.hello(1)
    store.writer.bye(b"otherlog")
    assert store.hello(1) == 1
    assert store.reader.refused() == {"node-conflict": 3}
    assert {alarm.reason for alarm in store.reader.alarms()} == {"node-conflict"}


def test_who_is_refused_again_and_again_is_one_alarm_an_hour_and_counted_each_time(store: Store) -> None:
    def refused(log: bytes) -> None:
        with pytest.raises(Rejected, match="node-conflict"):
            store.hello(1, log)

    for log in (b"otherlog", b"otherlog", b"thirdlog", b"otherlog"):
        refused(log)
    assert [alarm.log for alarm in store.reader.alarms()] == [b"thirdlog", b"otherlog"]
    for _ in range(181):
        store.now_ms += 20_000
        store.ship(1, NAMES)
    refused(b"otherlog")
    assert [alarm.log for alarm in store.reader.alarms()] == [b"otherlog", b"thirdlog", b"otherlog"]
    assert store.reader.refused() == {"node-conflict": 5}


def test_a_log_belongs_to_one_node(store: Store) -> None:
    for node in (1, 2):
        store.writer.bye(log_of(node))
    with pytest.raises(Rejected, match="node-conflict"):
        store.hello(2, log_of(1))


def test_another_site_is_refused(store: Store) -> None:
    with pytest.raises(Rejected, match=f"site.*{store.site}.*elsewhere"):
        store.writer.hello("elsewhere", 4, b"log00004", "", "", 0)


def test_reports_of_many_nodes_are_kept_together_and_of_strangers_refused_once_each(store: Store) -> None:
    reports = [NodeReport(node, 1, 2, 3, 1.5, 1.0, 7, 6, 5, node) for node in (2, 99, 1, 3)]
    refusals = store.writer.report_all([*reports, reports[0]], 77)
    assert [refusal and refusal.reason for refusal in refusals] == [None, "unknown-node", None, None, None]
    kept = {node.id: node for node in store.reader.nodes()}
    assert {id: (kept[id].report, kept[id].reported_ms) for id in (1, 2, 3)} == {
        report.node: (report, 77) for report in reports if report.node != 99
    }
    assert store.reader.refused() == {"unknown-node": 1}


def test_nodes_show_their_latest_configuration_and_report(store: Store) -> None:
    report = NodeReport(1, 99, 10, 9, 1.5, 1.0, 7, 6, 5, 98, {"payload": 2})
    configs = tuple((sequence, Config(1, f"name{sequence}")) for sequence in (3, 9, 5))
    store.ship(1, Shipment((), (), (), configs))
    store.ship(1, Shipment((), (), (), ((4, Config(1, "name4")),)))
    store.writer.report(report, 1234)
    first, second, _ = store.reader.nodes()
    assert (first.id, first.name, first.log, first.address) == (1, "node1", log_of(1), "host:1")
    assert (first.config, first.report, first.reported_ms) == (Config(1, "name9"), report, 1234)
    assert (second.id, second.config, second.report, second.reported_ms) == (2, None, None, 0)
    with pytest.raises(Rejected, match="unknown-node"):
        store.writer.report(NodeReport(99, 0, 0, 0, 0.0, 0.0, 0, 0, 0, 0), 0)


def test_a_configuration_of_a_new_log_replaces_that_of_the_old_one(store: Store) -> None:
    store.ship(1, Shipment((), (), (), ((900, Config(1, "old")),)))
    store.writer.bye(log_of(1))
    store.hello(1, b"otherlog")
    store.writer.add(b"otherlog", [(1, Shipment((), (), (), ((1, Config(1, "new")),)))])
    store.ship(1, Shipment((), (), (), ((950, Config(1, "late")),)))
    assert store.reader.nodes()[0].config == Config(1, "new")
