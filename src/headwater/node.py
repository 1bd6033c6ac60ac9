"""Opens what the configuration names and runs it: one function a process, each until SIGTERM or SIGINT.

Everything heavy is imported in the function that needs it: a gateway carries neither store nor API.
"""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from headwater.agent.options import AgentOptions
from headwater.emulator.options import SensorOptions
from headwater.health.chaos.options import RelayOptions
from headwater.model.errors import Unavailable
from headwater.pipeline.options import GatewayOptions
from headwater.wire import notify

if TYPE_CHECKING:
    from headwater.config import ServerOptions
    from headwater.emulator.options import IdProviderOptions
    from headwater.emulator.ticks import Replay
    from headwater.health.webhook_options import WebhookOptions
    from headwater.log.disk import Disk, RealDisk
    from headwater.store.port import Reader

PROVENANCE_NICENESS = 5
"""A third of the processor's time where everyone wants it, all of it where nobody else does."""

Handlers = dict[signal.Signals, Callable[[], None]]

_logger = logging.getLogger(__name__)


def wall_ms() -> int:
    """The wall clock in ms since the epoch."""
    return time.time_ns() // 1_000_000 + SKEW_MS


def wall_us() -> int:
    """The same in us."""
    return time.time_ns() // 1000 + SKEW_MS * 1000


def _skew_ms(environment: Mapping[str, str]) -> int:
    """How wrong the clock of this process goes; 0 unless a fault has it so."""
    said = environment.get("HEADWATER_CLOCK_SKEW_MS", "0")
    try:
        return int(said)
    except ValueError:
        return 0


SKEW_MS = _skew_ms(os.environ)


def run_gateway(options: GatewayOptions, read: Callable[[], GatewayOptions] | None = None) -> int:
    """Be a pipeline daemon. SIGUSR1 drains it: open windows close now. SIGHUP has the configuration read again."""
    from headwater.pipeline.daemon import Daemon

    async def serve() -> int:
        daemon = Daemon(options, wall_ms)
        handlers: Handlers = {signal.SIGUSR1: daemon.drain}
        if read is not None:
            handlers[signal.SIGHUP] = partial(daemon.reload, read)
        stop = _until_told(handlers)
        async with daemon.serving() as port:
            _settle()
            _logger.info("node %s (%s) listens on port %d", options.name, f"{options.node:06x}", port)
            async with notify.serving():
                await stop.wait()
        return 0

    return asyncio.run(serve())


def run_agent(options: AgentOptions) -> int:
    """Be a provenance daemon."""
    from headwater.agent.daemon import serving

    _yield_to_the_data_path()

    async def serve() -> None:
        async with serving(options, wall_ms, wall_us) as port:
            _settle()
            _logger.info("the agent of %s answers on port %d", options.name, port)
            async with notify.serving():
                await asyncio.Event().wait()

    return asyncio.run(_run_until_told(serve()))


def run_relay(options: RelayOptions) -> int:
    """Be the link from a node to its next hop. SIGHUP has it read again how to treat bytes."""
    from headwater.health.chaos.relay import read_conduct, relay_of

    async def serve() -> int:
        relay = relay_of(options)
        stop = _until_told({signal.SIGHUP: lambda: relay.behave(read_conduct(options.conduct))})
        async with relay.serving():
            await stop.wait()
        return 0

    return asyncio.run(serve())


def run_store(options: "ServerOptions") -> int:
    """Be the store: the one writer, the ingest of stamps, and the judge of the nodes that report to it."""
    from headwater.config.address import parse_address
    from headwater.health.judge import Judge
    from headwater.health.suspicion import PROFILES
    from headwater.store.health import open_health
    from headwater.store.service import serve as serve_store
    from headwater.wire.tasks import raising

    _yield_to_the_data_path()
    _settle()
    address = parse_address(options.ingest)
    folder = options.data / "store"

    async def serve() -> None:
        writer = open_health(folder, options.site)
        judge = Judge(PROFILES[options.health], writer, wall_ms)
        judge.know(await asyncio.to_thread(_known_nodes, options))
        tasks = [asyncio.create_task(judge.run())]
        if options.webhook is not None:
            tasks.append(asyncio.create_task(_post_alarms(options.webhook, folder, options.site)))
        try:
            with raising(tasks):
                await serve_store(
                    options.store,
                    folder,
                    options.site,
                    address.host,
                    address.port,
                    wall_ms,
                    heard=judge.hear,
                    forget=judge.forget,
                )
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            writer.close()

    return asyncio.run(_run_until_told(serve()))


def _known_nodes(options: "ServerOptions") -> list[int]:
    """The nodes that the store knows from before; none when it is new, or away."""
    try:
        with contextlib.closing(open_reader(options)) as reader:
            return [node.id for node in reader.nodes()]
    except Unavailable:
        return []


async def _post_alarms(options: "WebhookOptions", folder: Path, site: str) -> None:
    from headwater.health.webhook import Webhook
    from headwater.store.files import files_of
    from headwater.store.health import DeliveryKeeper

    with contextlib.closing(DeliveryKeeper(files_of(folder, site))) as keeper:
        await Webhook(options, keeper, site).run()


def open_reader(options: "ServerOptions") -> "Reader":
    """A reader of the server's store; Unavailable while there is none."""
    from headwater.store.opening import open_reader as open_store

    return open_store(options.store, options.data / "store", options.site, wall_ms)


def run_api(options: "ServerOptions") -> int:
    """Be the REST API."""
    import headwater
    from headwater.api.server import run

    run(options.api, partial(open_reader, options), wall_ms, headwater.__version__)
    return 0


def run_ui(options: "ServerOptions") -> int:
    """Be the dashboard."""
    from headwater.ui.server import run

    _yield_to_the_data_path()

    async def serve() -> int:
        await run(options.ui, _until_told())
        return 0

    return asyncio.run(serve())


def run_emulator(options: SensorOptions) -> int:
    """Be sensors, until the readings end and all of them are acknowledged, or SIGTERM or SIGINT.

    SIGUSR1 ends the readings here.
    """
    from headwater.emulator.journal import Journal
    from headwater.emulator.places import open_journal
    from headwater.emulator.sensors import Sensors

    disk = open_journal(options)
    try:
        ids = _sensor_ids(options, disk)
        if ids is None:
            return 0
        data = _recordings(options, disk, ids)
        if options.bucket is not None and data is None:
            return 0
        options = replace(options, bucket=None, data=data)
        journal = Journal(disk, options.keep_journal, wall_ms)
        sensors = Sensors(options, open_replay(options, journal.begun_ms, ids), journal, wall_ms)
        return asyncio.run(_run_until_told(sensors.run(), {signal.SIGUSR1: sensors.finish}))
    finally:
        disk.close()


def _sensor_ids(options: SensorOptions, disk: "Disk") -> tuple[str, ...] | None:
    """The ids that the id provider gives, none without one; None when told to stop meanwhile."""
    from headwater.emulator.sensor_ids import take_ids

    provider = options.sensor_id_provider
    if provider is None:
        return ()
    taken: list[tuple[str, ...]] = []

    async def take() -> None:
        taken.append(await take_ids(disk, provider, options.meter_count))

    asyncio.run(_run_until_told(take()))
    return taken[0] if taken else None


def _recordings(options: SensorOptions, disk: "RealDisk", ids: Sequence[str]) -> Path | None:
    """Where the recordings are, those of a bucket once they are fetched; None without, or when told to stop
    meanwhile."""
    from headwater.emulator.bucket import Bucket, fetched

    if options.bucket is None:
        return options.data
    bucket = Bucket(options.bucket, options.bucket_endpoint, options.bucket_region)
    folders: list[Path] = []

    async def fetch() -> None:
        folders.append(await fetched(disk, disk.folder, bucket, ids))

    asyncio.run(_run_until_told(fetch()))
    return folders[0] if folders else None


def run_idprovider(options: "IdProviderOptions") -> int:
    """Hand out ids, until SIGTERM or SIGINT."""
    from headwater.config.address import parse_address
    from headwater.emulator.idprovider import Counter, IdServer
    from headwater.log.disk import RealDisk

    host, port = parse_address(options.listen)
    disk = RealDisk(options.data)

    async def serve(server: IdServer) -> None:
        stop = _until_told()
        serving = asyncio.create_task(asyncio.to_thread(server.serve_forever))
        _logger.info("ids from %s on, on port %d", server.counter.next, server.server_port)
        await stop.wait()
        await asyncio.to_thread(server.shutdown)
        await serving

    disk.lock()
    try:
        with IdServer(Counter(disk, options.start_id), host.strip("[]"), port) as server:
            asyncio.run(serve(server))
    finally:
        disk.close()
    return 0


def open_replay(options: SensorOptions, begun_ms: int, ids: Sequence[str] = ()) -> "Replay":
    """The readings that sensors send: recorded ones, or the load of households, which was begun at a time.

    With `ids`, the recordings of these, or households that are called so.
    """
    from headwater.emulator.csv_columns import ColumnOptions
    from headwater.emulator.generator import generate_household
    from headwater.emulator.recordings import open_recordings
    from headwater.emulator.sensor_ids import files_of

    if options.data is None:
        day_ms = 86_400_000
        start_ms = options.start_ms if options.start_ms is not None else begun_ms // day_ms * day_ms
        return generate_household(
            options.meter_count,
            seed=options.seed,
            start_ms=start_ms,
            step_s=options.step_s,
            ticks_max=options.ticks,
            first_meter=options.first_meter,
            ids=ids,
        )
    columns = ColumnOptions(
        meter=options.meter_column,
        metric=options.metric_column,
        time=options.time_column,
        value=options.value_column,
        time_format=options.time_format,
        zone=options.zone,
        delimiter=options.delimiter,
    )
    files = files_of(options.data, ids) if ids else None
    return open_recordings(options.data, columns, loop=options.loop, files=files)


def _settle() -> None:
    """Keep what a daemon begins with, its modules above all, out of all garbage collections to come."""
    gc.freeze()


def _yield_to_the_data_path() -> None:
    """Let pipeline daemons on this machine go first: what they log is shipped and stored a little later, never lost."""
    os.nice(PROVENANCE_NICENESS)


async def _run_until_told(work: Coroutine[None, None, None], handlers: Handlers | None = None) -> int:
    """Run until the work ends by itself or a signal ends it; what the work raises is raised."""
    waiting = asyncio.create_task(_until_told(handlers).wait())
    working = asyncio.create_task(work)
    await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
    told = waiting.done()
    for task in (working, waiting):
        task.cancel()
    ended, _ = await asyncio.gather(working, waiting, return_exceptions=True)
    if not told and isinstance(ended, BaseException):
        raise ended
    return 0


def _until_told(handlers: Handlers | None = None) -> asyncio.Event:
    """An event that SIGTERM and SIGINT set; further signals call what is given for them."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    for number, handler in (handlers or {}).items():
        loop.add_signal_handler(number, handler)
    return stop
