"""Tables of 2018 as a store: what was wrong with the backend of 2018 does not come back."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cassandra.util import datetime_from_timestamp, uuid_from_time

from headwater.model.errors import ConfigError, Rejected, Unavailable
from headwater.model.health import Health, Part, Subject
from headwater.model.ids import DataPointId, parse_id
from headwater.store.cassandra2018.options import Cassandra2018Options
from headwater.store.cassandra2018.reader import Cassandra2018Reader
from headwater.store.cassandra2018.rows import Point, insertion_time
from headwater.store.cassandra2018.sink import INPUTS_AT_ONCE, Sink2018
from headwater.store.cassandra2018.standing import Ages, Heartbeat, standing
from headwater.store.port import Edge, Search
from tests.services.fixtures import CassandraNode
from tests.store.keyspaces_2018 import make_tables, options_2018

NOW_MS = 1_518_047_600_000
Open = Callable[..., Cassandra2018Reader]


def id_of(second: int, counter: int, node: int) -> str:
    return f"{0x5A7B9137 + second:08x}{counter:06x}{node:06x}"


@pytest.fixture
def opened(cassandra: CassandraNode, keyspace: str, tmp_path: Path) -> Iterator[Open]:
    """Opens readers of a keyspace."""
    readers: list[Cassandra2018Reader] = []

    def open(**more: object) -> Cassandra2018Reader:
        readers.append(Cassandra2018Reader(options_2018(cassandra, tmp_path, keyspace, **more), lambda: NOW_MS))
        return readers[-1]

    yield open
    for reader in readers:
        reader.close()


def test_a_lineage_ends_where_it_runs_in_a_circle_or_names_what_is_not_there(
    cassandra: CassandraNode, keyspace: str, opened: Open
) -> None:
    make_tables(cassandra, keyspace)
    a, b, gone = id_of(0, 1, 1), id_of(0, 2, 2), id_of(0, 3, 3)
    for id, inputs in ((a, {b: "simple"}), (b, {a: "avg", gone: "avg", "no id": "avg"})):
        cassandra.session.execute(
            f"INSERT INTO {keyspace}.provenancetable (id, nodeid, ctime, inputdps) VALUES (%s, %s, %s, %s)",
            [id, id[14:], 1_000, inputs],
        )
    reader = opened()

    lineage = reader.backward([parse_id(b)])

    assert list(lineage) == [parse_id(b), parse_id(a)]
    assert set(lineage[parse_id(b)].inputs) == {Edge(parse_id(a), "avg"), Edge(parse_id(gone), "avg")}
    assert reader.missing([parse_id(gone)]) == {parse_id(gone): "unknown"}
    assert reader.forward([parse_id(a)])[parse_id(a)][1] == (Edge(parse_id(b), "avg"),)
    assert reader.refused()["input-id"] >= 1
    with pytest.raises(Rejected, match="more than 1 data points"):
        reader.backward([parse_id(a)], 1)


def test_a_table_with_some_columns_and_rows_with_some_values_are_shown_as_they_are(
    cassandra: CassandraNode, keyspace: str, opened: Open
) -> None:
    make_tables(cassandra, keyspace, "location text, latitude double, longitude double, ctime timestamp")
    for counter, place in ((1, "berlin"), (2, None)):
        cassandra.session.execute(
            f"INSERT INTO {keyspace}.provenancetable (id, nodeid, ctime, location) VALUES (%s, '000001', %s, %s)",
            [id_of(0, counter, 1), 5_000, place],
        )
    second, first = opened().last_of(1, 10)

    assert first.context is not None
    assert second.context is not None
    assert (first.context.metrics, second.context.metrics) == (("loc", "ctime"), ("ctime",))
    assert (first.timestamp, first.key, first.sent_ms) == (5_000, None, None)


def test_the_newest_of_a_node_are_found_whatever_their_tokens_are(
    cassandra: CassandraNode, keyspace: str, opened: Open, tmp_path: Path
) -> None:
    make_tables(cassandra, keyspace)
    fill(cassandra, keyspace, tmp_path, 2_500)
    reader = opened()

    newest = reader.last_of(1, 20)

    assert [point.id for point in newest] == [parse_id(id_of(at, 1, 1)) for at in range(2_499, 2_479, -1)]
    below = reader.last_of(1, 2, newest[-1].id.ordinal)
    assert [point.id for point in below] == [parse_id(id_of(at, 1, 1)) for at in (2_479, 2_478)]
    assert [point.timestamp for point in reader.search(Search(10, 40, meter="m"), 2)] == [10, 11]
    found = reader.search(Search(0, 4_000, node=1, newest=True), 2)
    assert [point.timestamp for point in found] == [2_499, 2_498]
    assert list(reader.search(Search(0, 4_000, meter="other"), 2)) == []
    assert reader.totals()["stamps"] == 2_500


def test_a_table_that_is_too_large_is_said_to_be_and_one_that_takes_long_is_read_on(
    cassandra: CassandraNode, keyspace: str, opened: Open, tmp_path: Path
) -> None:
    make_tables(cassandra, keyspace)
    fill(cassandra, keyspace, tmp_path, 2_500)
    with pytest.raises(Rejected, match="scan_rows_max = 2,000"):
        opened(scan_rows_max=2_000).last_of(1, 1)
    for read in ("1,000", "2,000", "2,500"):
        with pytest.raises(Unavailable, match=f"being read: {read} data points"):
            opened(scan_s=1e-9).last_of(1, 1)
    assert len(opened(scan_s=1e-9).last_of(1, 1)) == 1


def fill(cassandra: CassandraNode, keyspace: str, folder: Path, count: int) -> None:
    """A data point of node 1 each second."""
    options = options_2018(cassandra, folder, keyspace)
    with closing(Sink2018(options.cluster, options.table)) as sink:
        sink.add((Point(id_of(at, 1, 1), meterid="m", metricid="x", ctime=at), (), None) for at in range(count))


def test_every_node_that_any_table_names_is_shown(cassandra: CassandraNode, keyspace: str, opened: Open) -> None:
    make_tables(cassandra, keyspace)
    execute = cassandra.session.execute
    execute(f"INSERT INTO {keyspace}.node (id, name, successor) VALUES ('000001', 'a', '000002')")
    execute(f"INSERT INTO {keyspace}.node (id, name) VALUES ('this is none', 'x')")
    execute(
        f"INSERT INTO {keyspace}.heartbeat (id, time, pldaemon, channels) VALUES ('000002', %s, %s, %s)",
        [NOW_MS - 1_000, NOW_MS - 40_000, {"000001:000002": NOW_MS - 50_000, "000002:000003": 0, "odd": 1}],
    )
    execute(f"INSERT INTO {keyspace}.noderate (id, srate, rrate) VALUES ('000003', 1.5, 2.5)")
    reader = opened()

    nodes = {node.id: node for node in reader.nodes()}
    stood = reader.standing()

    assert [(node.id, node.name, node.report is None) for node in nodes.values()] == [
        (1, "a", True),
        (2, "000002", True),
        (3, "000003", False),
    ]
    assert nodes[1].config is not None
    assert nodes[1].config.successor == 2
    assert stood is not None
    words = {(one.subject.part, one.subject.node, one.subject.target): one.health for one in stood.verdicts}
    assert words[Part.NODE, 1, None] is Health.YELLOW  # Node 2 has probed it 50 s ago.
    assert words[Part.PROVENANCE, 1, None] is Health.RED
    assert [words[part, 2, None] for part in (Part.NODE, Part.PIPELINE)] == [Health.GREEN, Health.YELLOW]
    assert (words[Part.LINK, 1, 2], words[Part.LINK, 2, 3]) == (Health.YELLOW, Health.RED)
    assert reader.refused() == {"node-id": 1}


@pytest.mark.parametrize("first", [1, 2])
def test_of_two_ends_that_tell_of_a_channel_the_newest_word_counts(first: int) -> None:
    ages = Ages(30_000, 60_000)
    told = {1: NOW_MS - 1_000, 2: NOW_MS - 50_000}
    beats = {node: Heartbeat(node, None, None, {"000001:000002": told[node]}) for node in (first, 3 - first)}
    words = {each.subject: each.health for each in standing([1, 2], beats, ages, NOW_MS).verdicts}
    assert words[Subject(Part.LINK, 1, 2)] is Health.GREEN
    assert words[Subject(Part.NODE, 2)] is Health.GREEN


def test_quotes_are_values_and_many_inputs_are_all_there(
    cassandra: CassandraNode, keyspace: str, opened: Open, tmp_path: Path
) -> None:
    options = options_2018(cassandra, tmp_path, keyspace)
    id, inputs = id_of(9, 1, 1), [id_of(at, 2, 2) for at in range(INPUTS_AT_ONCE + 5)]
    evil = "it's \"quoted\"'; DROP TABLE provenancetable; --"
    with closing(Sink2018(options.cluster, options.table)) as sink:
        for _ in range(2):
            sink.add([(Point(id, app=evil, ctime=7), inputs, evil)])

    (point,) = opened().points([parse_id(id)]).values()

    assert point.context is not None
    assert point.context.application == evil
    assert sorted(point.inputs) == sorted(Edge(parse_id(one), evil) for one in inputs)


def test_other_tables_are_refused(cassandra: CassandraNode, keyspace: str, opened: Open) -> None:
    with pytest.raises(ConfigError, match="there is no table"):
        opened()
    cassandra.session.execute(f"CREATE TABLE {keyspace}.provenancetable (id int PRIMARY KEY)")
    with pytest.raises(ConfigError, match="is no table of 2018"):
        opened()


def test_who_may_only_select_is_enough(cassandra: CassandraNode, keyspace: str, opened: Open, tmp_path: Path) -> None:
    make_tables(cassandra, keyspace)
    fill(cassandra, keyspace, tmp_path, 3)
    execute = cassandra.session.execute
    reads = f"reads_{keyspace}"
    execute(f"CREATE ROLE {reads} WITH PASSWORD = 'word' AND LOGIN = true")
    try:
        execute(f"GRANT SELECT ON KEYSPACE {keyspace} TO {reads}")
        (tmp_path / "other").write_text("word\n")
        login = {"user": reads, "password_file": str(tmp_path / "other")}
        reader = opened(**login)
        assert len(reader.last_of(1, 10)) == 3
        assert reader.nodes() == []
        assert reader.totals()["stamps"] == 3
        with pytest.raises(ConfigError, match="cannot be made in keyspace"):
            Sink2018(
                options_2018(cassandra, tmp_path, keyspace, user=reads, password_file=str(tmp_path / "other")).cluster,
                "another",
            )
    finally:
        execute(f"DROP ROLE {reads}")


def test_the_time_of_a_row_is_that_of_its_receipt() -> None:
    id = DataPointId(0xBADFB2, (0x5A7B9137 << 24) | 0x3C6)
    made = insertion_time(id, NOW_MS)
    assert made.version == 1
    assert made == insertion_time(id, NOW_MS)
    assert (made.time - uuid_from_time(datetime_from_timestamp(NOW_MS / 1000)).time) == 0
    assert made != insertion_time(id._replace(ordinal=id.ordinal + 1), NOW_MS)


def test_the_options_name_the_store(tmp_path: Path) -> None:
    assert Cassandra2018Options().cluster.keyspace == "provenancekey"
