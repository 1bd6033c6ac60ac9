"""The processes of a topology."""

import socket
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from headwater.cli.idprovider import idprovider_options, parser
from headwater.cli.processes import (
    HEADWATER,
    addresses,
    needing_restart,
    not_ready,
    server_processes,
    topology_processes,
)
from headwater.cli.supervisor import Spec
from headwater.config import format_topology, load_topology, with_free_ports
from headwater.emulator.options import IdProviderOptions
from headwater.model.errors import ConfigError
from headwater.store.cassandra2018.options import Cassandra2018Options
from headwater.store.query.options import QueryOptions

EXAMPLES = Path(__file__).resolve().parents[2] / "examples/topologies"
FORK = EXAMPLES / "fork.toml"


def specs(only: str | None = None) -> dict[str, Spec]:
    return {spec.name: spec for spec in topology_processes(load_topology(FORK), FORK, only)}


def test_every_part_of_a_topology_is_a_process() -> None:
    nodes = ("gatewayA", "gatewayB", "gatewayC", "endpoint")
    agents = {f"{node}/agent" for node in nodes}
    assert set(specs()) == {*nodes, *agents, "server/store", "server/api", "server/ui", "sensorsA", "sensorsB"}


def test_a_process_is_started_with_the_file_and_its_name() -> None:
    config = ("--config", str(FORK))
    assert HEADWATER == (sys.executable, "-m", "headwater.cli.main")
    assert specs()["gatewayA"].command == (*HEADWATER, "gateway", *config, "--name", "gatewayA")
    assert specs()["gatewayA/agent"].command == (*HEADWATER, "agent", *config, "--name", "gatewayA")
    assert specs()["sensorsB"].command == (*HEADWATER, "emulate", *config, "--name", "sensorsB")
    assert specs()["server/store"].command == (*HEADWATER, "server", *config, "--part", "store")
    assert specs()["server/api"].command == (*HEADWATER, "server", *config, "--part", "api")


def test_sensors_stop_first_then_gateways_downstream_then_agents_then_the_server() -> None:
    by_rank = sorted(specs().values(), key=lambda spec: spec.rank)
    names = [spec.name for spec in by_rank]
    assert set(names[:2]) == {"sensorsA", "sensorsB"}
    assert set(names[2:4]) == {"gatewayA", "gatewayB"}
    assert names[4:6] == ["gatewayC", "endpoint"]
    assert all(name.endswith("/agent") for name in names[6:10])
    assert names[10:] == ["server/ui", "server/api", "server/store"]


def test_only_sensors_may_end_by_themselves() -> None:
    assert {name for name, spec in specs().items() if spec.ends} == {"sensorsA", "sensorsB"}


def test_a_process_is_ready_where_it_listens() -> None:
    listening = {name: spec.listen for name, spec in specs().items()}
    assert listening["gatewayA"] == "127.0.0.1:50051"
    assert listening["gatewayA/agent"] == "127.0.0.1:50061"
    assert (listening["server/api"], listening["server/store"]) == ("127.0.0.1:5000", "127.0.0.1:5001")
    assert listening["sensorsA"] is None


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        ("gatewayC", ["gatewayC", "gatewayC/agent"]),
        ("server", ["server/store", "server/api", "server/ui"]),
        ("sensorsA", ["sensorsA"]),
    ],
)
def test_only_one_name_is_started_when_asked(only: str, expected: list[str]) -> None:
    assert list(specs(only)) == expected


def test_what_a_changed_file_says_of_others_than_gateways_needs_a_restart() -> None:
    before = load_topology(FORK)
    gateway, agent = before.gateways[0], before.agents[0]
    changed = replace(
        before,
        server=replace(before.server, sql=QueryOptions(rows=7)),
        gateways=(replace(gateway, storagetime_s=1), *before.gateways[1:], replace(gateway, name="new")),
        agents=(replace(agent, storagetime_s=1), *before.agents[1:], replace(agent, name="new")),
        sensors=(replace(before.sensors[0], rate=1.0),),
    )
    assert needing_restart(before, before) == []
    assert needing_restart(before, changed) == ["server", "sensorsA", "sensorsB", "new", "new/agent"]
    assert needing_restart(before, changed, "server") == ["server"]
    in_redis = replace(before, agents=(replace(agent, redis="redis://h:1/0"), *before.agents[1:]))
    later = replace(in_redis, agents=(replace(in_redis.agents[0], storagetime_s=1), *before.agents[1:]))
    assert needing_restart(in_redis, later) == ["gatewayA/agent"]


def test_an_id_provider_is_run_when_the_topology_asks_for_one(tmp_path: Path) -> None:
    file = tmp_path / "t.toml"
    file.write_text(
        '[idprovider]\nlisten = "127.0.0.1:8099"\nstart_id = "0042"\n'
        '[[node]]\nid = "000001"\nname = "a"\n'
        '[[sensors]]\ntarget = "a"\nsensor_id_provider = "idprovider"\n'
    )
    topology = load_topology(file)
    (spec,) = topology_processes(topology, file, "idprovider")
    told = idprovider_options(parser().given(spec.command[len(HEADWATER) + 1 :]))
    assert spec.command[: len(HEADWATER) + 1] == (*HEADWATER, "idprovider")
    assert (
        told
        == topology.idprovider
        == IdProviderOptions(listen="127.0.0.1:8099", start_id="0042", data=tmp_path / "var/idprovider")
    )
    assert (spec.listen, spec.ends) == ("127.0.0.1:8099", False)
    assert topology.sensors[0].sensor_id_provider == "127.0.0.1:8099"

    moved = with_free_ports(topology, tmp_path / "moved")
    assert moved.idprovider is not None
    assert moved.sensors[0].sensor_id_provider == moved.idprovider.listen != "127.0.0.1:8099"
    (tmp_path / "moved.toml").write_text(format_topology(moved))
    assert load_topology(tmp_path / "moved.toml") == moved


def test_a_name_that_nobody_has_is_told() -> None:
    with pytest.raises(ConfigError, match=r'nothing in .*fork\.toml is called "gatewayX"; did you mean "gateway'):
        specs("gatewayX")


def test_a_server_passes_its_arguments_on() -> None:
    server = load_topology(FORK).server
    commands = [spec.command for spec in server_processes(server, ("--data", "d"))]
    assert commands == [(*HEADWATER, "server", "--data", "d", "--part", part) for part in ("store", "api", "ui")]
    bare = server_processes(replace(server, dashboard=False), ())
    assert [spec.name for spec in bare] == ["server/store", "server/api"]
    reading = server_processes(replace(server, store=Cassandra2018Options()), ())
    assert [spec.name for spec in reading] == ["server/api", "server/ui"]


def test_people_are_told_where_the_dashboard_is_when_there_is_one() -> None:
    server = load_topology(FORK).server
    assert addresses(server) == "dashboard: http://127.0.0.1:5000  API: http://127.0.0.1:5000/v1"
    assert addresses(replace(server, dashboard=False)) == "API: http://127.0.0.1:5000/v1"


def test_only_who_answers_is_ready() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        answers, quiet = (f"127.0.0.1:{each.getsockname()[1]}" for each in (server, silent))
        assert not_ready([answers, quiet], 0.0) == [quiet]
        assert not_ready([answers.replace("127.0.0.1", "0.0.0.0")], 0.0) == []
