"""Topologies elsewhere, and as files."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from headwater.config import Topology, format_topology, load_topology, with_free_ports
from headwater.model.context import Location
from headwater.pipeline.step_options import AggregateOptions
from headwater.store.options import SqliteOptions
from headwater.store.query.options import QueryOptions

EXAMPLES = Path(__file__).resolve().parents[2] / "examples/topologies"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.toml"))


def example(name: str) -> Topology:
    return load_topology(EXAMPLES / f"{name}.toml")


def addresses(topology: Topology) -> list[str]:
    gateways = [gateway.listen for gateway in topology.gateways]
    agents = [agent.listen for agent in topology.agents]
    return [topology.server.listen, topology.server.ingest, *gateways, *agents]


@pytest.mark.parametrize("name", NAMES)
def test_a_written_topology_reads_as_the_same(name: str, tmp_path: Path) -> None:
    topology = with_free_ports(example(name), tmp_path)
    path = tmp_path / "t.toml"
    path.write_text(format_topology(topology))
    assert load_topology(path) == topology


def test_every_option_of_a_file_survives_writing(tmp_path: Path) -> None:
    fork = example("fork")
    gateway = replace(
        fork.gateways[0],
        next="10.0.0.1:7",
        next_protocol="push_data",
        successor=None,
        location=Location('a "quoted" \\ label', 1.5, -2.0),
        metrics=("ctime",),
        provenance=False,
        when_full="drop_oldest",
        steps=(AggregateOptions(function="max", window_s=5, output="replace", windows_max=7),),
    )
    group = replace(fork.sensors[0], data=tmp_path / "days", rate=2.5, loop=True, ticks=9, value_column=("kW h", "V"))
    server = replace(
        fork.server,
        store=SqliteOptions(period_days=2, keep_days=90, bytes_max=1 << 40),
        sql=QueryOptions(time_s_max=2.5),
    )
    changed = replace(fork, server=server, gateways=(gateway, *fork.gateways[1:]), sensors=(group, *fork.sensors[1:]))
    path = tmp_path / "t.toml"
    path.write_text(format_topology(changed))
    assert load_topology(path) == changed


@pytest.mark.parametrize("name", NAMES)
def test_free_ports_keep_the_shape(name: str, tmp_path: Path) -> None:
    before, after = example(name), with_free_ports(example(name), tmp_path)
    assert [after.hops(gateway.name) for gateway in after.gateways] == [
        before.hops(gateway.name) for gateway in before.gateways
    ]
    assert {agent.server for agent in after.agents} == {after.server.ingest}
    assert {group.target for group in after.sensors} <= {gateway.listen for gateway in after.gateways}


def test_free_ports_are_all_new_and_all_different(tmp_path: Path) -> None:
    before, after = example("fork"), with_free_ports(example("fork"), tmp_path)
    assert len(set(addresses(after))) == len(addresses(after)) == 10
    assert not set(addresses(after)) & set(addresses(before))


def test_another_place_holds_everything_a_run_writes(tmp_path: Path) -> None:
    moved = with_free_ports(example("fork"), tmp_path)
    folders = [moved.server.data, *(gateway.data for gateway in moved.gateways)]
    folders += [group.journal for group in moved.sensors]
    assert {folder.parent for folder in folders} == {tmp_path}
    assert len(set(folders)) == len(folders)
    assert [agent.data for agent in moved.agents] == [gateway.data for gateway in moved.gateways]


def test_a_hop_outside_the_file_stays_where_it_is(tmp_path: Path) -> None:
    single = example("single")
    outside = replace(single, gateways=(replace(single.gateways[0], next="10.0.0.1:7"),))
    assert with_free_ports(outside, tmp_path).gateways[0].next == "10.0.0.1:7"
