"""The pipeline daemon as a whole: what it opens, refuses and leaves behind."""

import asyncio
import os
import socket
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from headwater.model.context import ALL_METRICS, Context, Location
from headwater.model.errors import ConfigError, Unavailable
from headwater.model.reading import SeriesKey
from headwater.model.records import Config, Kind
from headwater.pipeline.daemon import Daemon
from headwater.pipeline.step_options import AggregateOptions
from headwater.wire.records import decode_body
from tests.pipeline.daemons import (
    LOCAL,
    Running,
    Source,
    gateway_options,
    logged,
    ramp,
    readings,
    records,
    running,
    until,
    wall_ms,
)


async def feed(gateway: Running, count: int) -> None:
    source = Source()
    source.make(ramp(count))
    async with source.connected(gateway.address):
        await source.send()
        await source.settled()


# ---- opening --------------------------------------------------------------------------------------------------------


def test_a_second_daemon_on_a_folder_is_refused_and_the_first_unharmed(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(gateway_options(tmp_path)) as gateway:
            with pytest.raises(Unavailable, match="already has a writer: stop the other process"):
                Daemon(gateway_options(tmp_path), wall_ms)
            await feed(gateway, 100)

    asyncio.run(run())
    assert readings(tmp_path) == ramp(100)


def test_a_folder_of_another_node_is_refused_and_free_again(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(gateway_options(tmp_path, 1)):
            pass
        with pytest.raises(ConfigError, match="holds the log of node 000001, not of 000002"):
            Daemon(gateway_options(tmp_path, 2), wall_ms)
        async with running(gateway_options(tmp_path, 1)):
            pass

    asyncio.run(run())


def test_a_port_that_is_taken_is_named_and_the_folder_is_free_again(tmp_path: Path) -> None:
    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            taken = f"127.0.0.1:{other.getsockname()[1]}"
            with pytest.raises(Unavailable, match=f"cannot listen on {taken}"):
                async with running(gateway_options(tmp_path, listen=taken)):
                    raise AssertionError("it cannot serve")
        async with running(gateway_options(tmp_path)):
            pass

    asyncio.run(run())


# ---- closing --------------------------------------------------------------------------------------------------------


def open_files() -> list[str]:
    """What this process has open, but for what Python and gRPC keep for themselves."""
    held = []
    for name in os.listdir("/proc/self/fd"):
        try:
            held.append(os.readlink(f"/proc/self/fd/{name}"))
        except FileNotFoundError:
            continue
    return sorted(path for path in held if path.startswith("/") and not path.startswith(("/dev", "/proc", "/sys")))


def test_a_daemon_leaves_no_port_thread_or_file_behind(tmp_path: Path) -> None:
    step = AggregateOptions(function="sum", window_s=10)

    async def serve() -> int:
        options = gateway_options(tmp_path, next="127.0.0.1:9", steps=(step,))
        async with running(options) as gateway:
            await feed(gateway, 1000)
        return int(gateway.address.rpartition(":")[2])

    asyncio.run(serve())  # gRPC starts threads of its own, once.
    files, threads = open_files(), {thread.name for thread in threading.enumerate()}
    port = asyncio.run(serve())
    # What other tests left behind may go meanwhile, nothing may come.
    assert Counter(open_files()) <= Counter(files)
    assert {thread.name for thread in threading.enumerate()} <= threads
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_a_task_that_breaks_ends_the_daemon_with_its_error(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(gateway_options(tmp_path)) as gateway:

            def broken() -> None:
                raise RuntimeError("broken")

            gateway.daemon.committer.after.append(broken)
            gateway.daemon.drain()
            gateway.daemon.committer.wake()
            await asyncio.sleep(60)

    with pytest.raises(RuntimeError, match="broken"):
        asyncio.run(run())


# ---- what it records ------------------------------------------------------------------------------------------------


def contexts(folder: Path) -> list[Context]:
    bodies = [decode_body(record) for record in records(folder) if record.kind == Kind.CONTEXT]
    return [body for body in bodies if isinstance(body, Context)]


@pytest.mark.parametrize("metrics", [ALL_METRICS, ("ctime", "loc"), ("line",), ()])
def test_only_the_context_columns_that_are_asked_for_are_recorded(tmp_path: Path, metrics: tuple[str, ...]) -> None:
    async def run() -> None:
        place = Location("roof", 52.5, 13.3)
        async with running(gateway_options(tmp_path, metrics=metrics, location=place, application="a")) as gateway:
            await feed(gateway, 10)

    asyncio.run(run())
    used = {one.batch.stamp.context for one in logged(tmp_path) if one.batch.stamp}
    (context,) = [context for context in contexts(tmp_path)[::2] if context.id in used]
    assert context.metrics == metrics
    assert (context.location is not None) == ("loc" in metrics)
    assert (context.application is not None) == ("app" in metrics)
    assert (context.class_name is not None) == ("class" in metrics)
    assert (context.line is not None) == ("line" in metrics)


def test_without_provenance_steps_give_the_same_results_without_stamps(tmp_path: Path) -> None:
    step = AggregateOptions(function="sum", window_s=10)

    async def run(folder: Path, provenance: bool) -> None:
        async with running(gateway_options(folder, steps=(step,), provenance=provenance)) as gateway:
            await feed(gateway, 300)
            gateway.daemon.drain()
            await until(lambda: len(readings(folder, Kind.OUT)) == 30)

    for provenance in (True, False):
        asyncio.run(run(tmp_path / str(provenance), provenance))
    assert readings(tmp_path / "True", Kind.OUT) == readings(tmp_path / "False", Kind.OUT)
    assert all(one.id is not None for one in logged(tmp_path / "True", Kind.OUT))
    assert all(one.id is None for kind in (Kind.DATA, Kind.OUT) for one in logged(tmp_path / "False", kind))


def test_ids_stay_unique_over_restarts(tmp_path: Path) -> None:
    async def run() -> None:
        source = Source()
        for start in range(0, 500, 100):
            async with running(gateway_options(tmp_path)) as gateway, source.connected(gateway.address):
                source.make(ramp(100, start=start))
                await source.send()
                await source.settled()

    asyncio.run(run())
    ids = [one.id for one in logged(tmp_path)]
    assert len(set(ids)) == 500


def test_draining_closes_the_open_windows_and_takes_what_waits_with_it(tmp_path: Path) -> None:
    step = AggregateOptions(function="count", window_s=1000)

    async def run() -> None:
        async with running(gateway_options(tmp_path, steps=(step,))) as gateway:
            for timestamp in range(5):
                gateway.daemon.collector.add(SeriesKey("m", "power"), timestamp, 1.0)
            gateway.daemon.drain()
            await until(lambda: readings(tmp_path, Kind.OUT))

    asyncio.run(run())
    assert [(one.metric, one.value) for one in readings(tmp_path, Kind.OUT)] == [("power.count", 5.0)]
    assert Kind.TIME in {record.kind for record in records(tmp_path)}


@pytest.mark.parametrize("more", [{}, {"next": "127.0.0.1:9", "successor": 7, "when_full": "drop_oldest"}])
def test_the_log_says_what_holds_at_the_node_and_says_it_once(tmp_path: Path, more: dict[str, Any]) -> None:
    async def run() -> None:
        for _ in range(3):
            async with running(gateway_options(tmp_path, **more)):
                pass

    asyncio.run(run())
    said = [decode_body(record) for record in records(tmp_path) if record.kind == Kind.CONFIG]
    assert len(said) == 2  # One record, written twice.
    assert isinstance(said[0], Config)
    assert (said[0].node, said[0].listen) == (1, LOCAL)
    assert (said[0].next, said[0].successor) == (more.get("next"), more.get("successor"))
