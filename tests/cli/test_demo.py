"""The demo runs the whole path in real processes, and its judge is not easily pleased."""

import time
from pathlib import Path

import msgspec
import numpy as np
import pytest

from headwater.cli.demo import main, topology_file
from headwater.cli.demo_check import Check, Judge
from headwater.cli.demo_run import DemoRun, Report, have_all_shipped, with_load
from headwater.client import NodeStat
from headwater.config import load_topology, with_free_ports
from headwater.model.errors import ConfigError
from tests.services.fixtures import need

EXACT = ("readings_sent", "readings_delivered", "lineage_checked", "lineage_exact")


def test_a_report_that_cannot_be_written_is_told_before_anything_is_started(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none" / "report.json"):
        with pytest.raises(ConfigError, match="there is no folder for it, or it is one"):
            main(["--report", str(path), "--topology", "none"])


def report_of(tmp_path: Path, *arguments: str) -> Report:
    file = tmp_path / "report.json"
    assert main(["--report", str(file), *arguments]) == 0
    return msgspec.json.decode(file.read_bytes(), type=Report)


@pytest.mark.timeout(300)
def test_every_reading_of_the_fork_is_delivered_once_and_explained(tmp_path: Path) -> None:
    found = report_of(tmp_path, "--seconds", "3")
    assert found.readings_sent > 0
    assert len({getattr(found, name) for name in EXACT}) == 1
    assert (found.readings_dropped, found.readings_duplicated) == (0, 0)
    assert found.aggregates_checked == found.aggregates_exact > 0
    assert found.stamps_stored == 3 * found.readings_sent + 2 * found.aggregates_checked
    assert found.p50_ms is not None
    assert found.p95_ms is not None
    assert 0 < found.p50_ms <= found.p95_ms
    assert found.bytes_per_reading


@pytest.mark.timeout(300)
def test_measured_recordings_are_delivered_and_explained_too(tmp_path: Path, test_data: Path) -> None:
    data = test_data / "household_power_uci"
    found = report_of(tmp_path, "--seconds", "2", "--data", str(data), "--topology", "two-node", "--rate", "5000")
    assert found.readings_sent > 0
    assert len({getattr(found, name) for name in EXACT}) == 1


@pytest.mark.timeout(300)
def test_a_demo_on_cassandra_and_redis_delivers_and_explains_everything(tmp_path: Path) -> None:
    need("cassandra")
    need("redis")
    found = report_of(tmp_path, "--store", "cassandra", "--redis", "--seconds", "2", "--topology", "two-node")
    assert found.readings_sent > 0
    assert len({getattr(found, name) for name in EXACT}) == 1
    assert found.redis_exact == found.redis_checked == 2 * found.readings_delivered
    assert found.stamps_stored == 2 * found.readings_sent


@pytest.mark.timeout(300)
def test_every_reading_is_found_in_the_redis_of_every_node_by_its_id(tmp_path: Path) -> None:
    need("redis")
    found = report_of(tmp_path, "--redis", "--seconds", "1", "--topology", "two-node")
    assert found.redis_exact == found.redis_checked == 2 * found.readings_delivered > 0


@pytest.mark.timeout(300)
def test_the_judge_sees_one_wrong_value_one_wrong_time_and_one_missing_reading(tmp_path: Path) -> None:
    """The same run is judged again with journals that say something else."""
    topology = with_load(with_free_ports(load_topology(topology_file("fork")), tmp_path), None, 2000, tmp_path)
    with DemoRun(topology, tmp_path) as run:
        while run.progress().delivered < 2000:
            time.sleep(0.05)
        run.end_sensors()
        run.drain(lambda step: None)
        right = run.check()
        assert right.lineage_exact == right.lineage_checked == right.readings_sent
        check = msgspec.json.decode(
            (tmp_path / "check.json").read_bytes(), type=Check, dec_hook=lambda kind, text: kind(text)
        )
        judge = Judge(check)
        one, other = judge.sources.values()
        one.values[3] = np.nextafter(one.values[3], np.inf)
        other.timestamps[5] += 1
        found = judge.judge()
        assert found.lineage_exact == right.lineage_exact - 2
        assert found.aggregates_exact <= right.aggregates_exact - 1
        judge = Judge(check)
        last = next(iter(judge.sources.values()))
        last.series = np.append(last.series, last.series[-1:])
        last.timestamps = np.append(last.timestamps, last.timestamps[-1:])
        last.values = np.append(last.values, last.values[-1:])
        last.sent_ms = np.append(last.sent_ms, last.sent_ms[-1:])
        found = judge.judge()
        assert found.readings_sent == right.readings_sent + 1
        assert found.readings_delivered == right.readings_delivered
        assert found.aggregates_exact == right.aggregates_exact - 1


def test_stamps_are_waited_for_also_of_nodes_that_the_store_has_yet_to_hear_of() -> None:
    def stat(node: str, unshipped: int | None) -> NodeStat:
        words = {"node_health": "Green", "provenance_daemon_health": "Green", "pipeline_daemon_health": "Green"}
        return NodeStat(id=node, unshipped=unshipped, **words)  # type: ignore[arg-type]

    nodes = {"000001", "000002"}
    assert have_all_shipped(nodes, [stat("000001", 0), stat("000002", 0), stat("000003", 5)])
    assert not have_all_shipped(nodes, [stat("000001", 0)])
    assert not have_all_shipped(nodes, [stat("000001", 0), stat("000002", 1)])
    assert not have_all_shipped(nodes, [stat("000001", 0), stat("000002", None)])


def test_files_are_dealt_out_so_that_no_meter_is_sent_twice(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.csv").write_text("time,value\n2020-01-01T00:00:00,1\n")
    topology = with_load(load_topology(topology_file("fork")), tmp_path, 100, tmp_path / "run")
    dealt = [sorted(file.name for file in group.data.iterdir()) for group in topology.sensors if group.data]
    assert dealt == [["a.csv", "c.csv"], ["b.csv"]]


def test_an_unknown_topology_is_refused_with_those_that_exist() -> None:
    examples = Path(__file__).parents[2] / "examples" / "topologies"
    names = ", ".join(sorted(file.stem for file in examples.glob("*.toml")))

    with pytest.raises(ConfigError, match=f"no topology 'frok': there are {names}"):
        topology_file("frok")
