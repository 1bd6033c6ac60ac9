"""Every kind of step in real processes: what is delivered leads through all of them to the sensors' own readings."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from msgspec.structs import replace

from headwater.client import Client
from headwater.client.results import Datapoint
from headwater.config import Topology, format_topology, load_topology, with_free_ports
from headwater.model.context import Location
from headwater.model.errors import NotFound, Unavailable
from headwater.pipeline.step_options import FilterOptions, PythonOptions

STEPS = Path(__file__).resolve().parents[1] / "examples/topologies/steps.toml"
WAIT_S = 90.0
T = TypeVar("T")


def until(found: Callable[[], T | None], what: str) -> T:
    """Wait for something that has to happen."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        try:
            if held := found():
                return held
        except (NotFound, Unavailable):
            pass
        time.sleep(0.1)
    raise AssertionError(f"never came: {what}")


@contextmanager
def up(file: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """`headwater up` of a topology file."""
    environment = {**os.environ, "HEADWATER_MASK_KEY": "sixteen bytes or more", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "headwater.cli.main", "up", str(file)]
    with file.with_suffix(".out").open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0, file.with_suffix(".out").read_text()


def written(topology: Topology, file: Path) -> Path:
    file.write_text(format_topology(topology))
    return file


def with_step_of_ours(topology: Topology) -> Topology:
    """The example with a function of ours at its second node, and readings for three hours, quickly."""
    gateways = list(topology.gateways)
    ours = PythonOptions(call="tests.pipeline.ourstep:failing", contribution="checked")
    gateways[1] = replace(gateways[1], steps=(gateways[1].steps[0], ours, *gateways[1].steps[1:]))
    sensors = tuple(replace(group, rate=500.0, ticks=300, step_s=60, meters=3) for group in topology.sensors)
    return replace(topology, gateways=tuple(gateways), sensors=sensors)


def chain_of(point: Datapoint) -> list[tuple[str | None, str | None]]:
    """(node, step) from a data point to where its first input came from."""
    way = [(point.node, point.step)]
    while point.input_datapoints:
        point = point.input_datapoints[0].dp
        way.append((point.node, point.step))
    return way


def leaves(point: Datapoint) -> list[Datapoint]:
    return [leaf for each in point.input_datapoints for leaf in leaves(each.dp)] if point.input_datapoints else [point]


@pytest.mark.timeout(300)
def test_a_delivered_value_leads_through_every_step_of_every_node_and_sighup_changes_them(tmp_path: Path) -> None:
    topology = with_step_of_ours(with_free_ports(load_topology(STEPS), tmp_path / "run"))
    file = written(topology, tmp_path / "grid.toml")
    with up(file) as process, Client(topology.api_url) as client:
        windows = until(lambda: windows_at_end(client), "windows at the endpoint")
        check(client.trace(windows[0].id))

        edge, second, endpoint = topology.gateways
        changed = replace(edge, location=Location("roof"), steps=(FilterOptions(where="value < 0"), *edge.steps[1:]))
        written(replace(topology, gateways=(changed, second, endpoint)), file)
        process.send_signal(signal.SIGHUP)
        steps = until(lambda: steps_of(client, "edge", "filter(value < 0)"), "the new steps")
        assert steps[1:] == ("scale(W -> kW)", "round(2 decimals)", "mask(meters)")

        written(replace(topology, gateways=(replace(changed, segment_bytes=1 << 20), second, endpoint)), file)
        process.send_signal(signal.SIGHUP)
        told = until(lambda: trouble_of(client, "edge"), "what needs a restart")
        assert "segment_bytes: needs restart" in told
    assert "sixteen bytes" not in file.with_suffix(".out").read_text()


def windows_at_end(client: Client) -> list[Datapoint]:
    """The results of the aggregate whose lineage is in the store."""
    newest = client.newest("000003", 1000, detail=True)
    found = [point for point in newest if (point.context.metric_id or "").endswith(".max")]
    return [point for point in found if not any(leaf.missing for leaf in leaves(client.trace(point.id)))]


def steps_of(client: Client, name: str, first: str) -> tuple[str, ...]:
    """The steps of a node when the first is this one."""
    (node,) = [node for node in client.topology(detail=True) if node.name == name]
    return node.steps if node.steps[:1] == (first,) else ()


def trouble_of(client: Client, name: str) -> str:
    (stat,) = [stat for stat in client.stats(detail=True) if stat.name == name]
    return stat.troubles.get("configuration", "")


def check(made: Datapoint) -> None:
    """A sliding maximum at the endpoint, and all it was made of."""
    assert chain_of(made) == [
        ("endpoint", None),
        ("gatewayB", "max 3600 s every 900 s"),
        ("gatewayB", "python(tests.pipeline.ourstep:failing)"),
        ("gatewayB", "deduplicate(value, 10000)"),
        ("gatewayB", None),
        ("edge", "mask(meters)"),
        ("edge", "round(2 decimals)"),
        ("edge", "scale(W -> kW)"),
        ("edge", 'filter(metric == "active_power" and isfinite(value) and value >= 0)'),
        ("edge", None),
    ]
    sources = leaves(made)
    meters = {leaf.context.meter_id for leaf in sources}
    assert len(meters) == 1
    assert meters.pop().startswith("meter-")  # type: ignore[union-attr]
    assert made.context.meter_id is not None
    assert len(made.context.meter_id) == 16
    assert made.context.metric_id == "ok.max"
    start = made.context.timestamp or 0
    assert all(start <= (leaf.context.timestamp or 0) < start + 3_600_000 for leaf in sources)
    assert made.number == max(round(leaf.number / 1000, 2) for leaf in sources if leaf.number is not None)
