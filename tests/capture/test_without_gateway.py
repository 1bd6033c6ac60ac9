"""The whole way without a gateway: a program records, an agent ships, the API and `headwater trace` answer."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from headwater.capture import Location, Recorder, within
from headwater.client import Client
from headwater.config.ports import free_ports
from headwater.model.errors import HeadwaterError
from tests.capture.laboratory import NODE

T = TypeVar("T")

HEADWATER = (sys.executable, "-m", "headwater.cli.main")
PATIENCE_S = 60.0
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@contextmanager
def running(*arguments: str) -> Iterator[None]:
    with subprocess.Popen([*HEADWATER, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def eventually(ask: Callable[[], T]) -> T:
    """What is answered, as soon as that is no error of ours."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return ask()
        except HeadwaterError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


@pytest.fixture
def grid(tmp_path: Path) -> Iterator[str]:
    """A server, and the agent of a recorder's folder `lab`; the server's address."""
    rest, ingest, agent = free_ports(3)
    api = f"127.0.0.1:{rest}"
    server = ("server", "--listen", api, "--data", str(tmp_path / "server"), "--part")
    with ExitStack() as stack:
        stack.enter_context(running(*server, "store"))
        stack.enter_context(running(*server, "api"))
        told = ("--data", str(tmp_path / "lab"), "--node", NODE, "--name", "lab", "--listen", f"127.0.0.1:{agent}")
        stack.enter_context(running("agent", *told, "--server", f"127.0.0.1:{ingest}"))
        yield api


def test_a_derived_value_is_explained_by_the_api_and_by_trace(grid: str, tmp_path: Path) -> None:
    with Recorder(tmp_path / "lab", node=NODE, name="lab", location=Location("bench 3")) as recorder:
        one = recorder.record("meter-1", "power", 231.4, timestamp=1_700_000_000_000)
        two = recorder.record("meter-1", "power", 229.8, timestamp=1_700_000_001_000)
        with within(traceparent=TRACE):
            mean = recorder.derive(
                "meter-1", "power.mean", 230.6, inputs=[one, two], contribution="average", timestamp=1_700_000_000_000
            )
        recorder.flush()
        with Client(grid) as client:
            found = eventually(lambda: client.trace(str(mean)))
        assert (found.id, found.value, found.kind, found.node) == (str(mean), 230.6, "out", "lab")
        assert found.traceparent == TRACE
        assert [each.dp.traceparent for each in found.input_datapoints] == [None, None]
        assert found.origin is not None
        assert found.origin.kind == "entry"
        assert found.context.loc is not None
        assert found.context.loc.label == "bench 3"
        inputs = [(each.dp.id, each.dp.value, each.contribution) for each in found.input_datapoints]
        assert inputs == [(str(one), 231.4, "average"), (str(two), 229.8, "average")]
    done = subprocess.run(
        [*HEADWATER, "trace", str(mean), "--server", grid], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == (
        f"{mean}  lab  meter-1 power.mean  2023-11-14T22:13:20.000Z  = 230.6\n"
        f"├── average  {one}  lab  meter-1 power  2023-11-14T22:13:20.000Z  = 231.4\n"
        f"└── average  {two}  lab  meter-1 power  2023-11-14T22:13:21.000Z  = 229.8\n"
    )
