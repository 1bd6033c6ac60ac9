"""A daemon keeps its log within the disk budget, and what that costs is decided by `when_full` and named."""

import asyncio
import random
from pathlib import Path

from headwater.model.records import Kind, Loss, Why
from headwater.wire.records import decode_body
from tests.pipeline.daemons import (
    Reading,
    Source,
    free_address,
    gateway_options,
    ramp,
    readings,
    records,
    running,
    until,
)

BUDGET = 2 << 20
SEGMENT = 128 << 10


def incompressible(count: int) -> list[Reading]:
    """Readings whose values take all of their 8 bytes."""
    values = random.Random(count).random
    return [reading._replace(value=values()) for reading in ramp(count)]


def log_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.suffix == ".seg")


def test_a_full_log_holds_back_its_sources_and_loses_nothing(tmp_path: Path) -> None:
    """when_full = "block": what does not fit waits at the source until the next hop is there."""

    async def scenario() -> None:
        address = free_address()
        hop = tmp_path / "hop"
        options = gateway_options(hop, next=address, log_bytes_max=BUDGET, segment_bytes=SEGMENT, storagetime_s=0)
        source = Source()
        source.make(incompressible(300_000))
        async with running(options) as gateway, source.connected(gateway.address):
            sending = asyncio.create_task(source.send())
            await until(lambda: not gateway.daemon.core.room(), "the log is full")
            assert log_bytes(hop) <= BUDGET
            end = gateway_options(tmp_path / "end", 9, listen=address)
            async with running(end) as endpoint:
                await sending
                await until(lambda: endpoint.daemon.log.state.count == 300_000, "all is delivered")
                assert log_bytes(hop) <= BUDGET
                await endpoint.daemon.committer.durable(endpoint.daemon.log.state.sequence)
        assert readings(tmp_path / "end") == source.made

    asyncio.run(scenario())


def test_a_full_log_drops_its_oldest_unsent_readings_and_names_them(tmp_path: Path) -> None:
    """when_full = "drop_oldest": sources go on, and what was dropped is counted at the endpoint."""

    async def scenario() -> None:
        address = free_address()
        hop = tmp_path / "hop"
        options = gateway_options(
            hop,
            next=address,
            log_bytes_max=BUDGET,
            segment_bytes=SEGMENT,
            storagetime_s=0,
            when_full="drop_oldest",
        )
        source = Source()
        source.make(incompressible(350_000))
        async with running(options) as gateway, source.connected(gateway.address):
            await source.send()
            await source.settled()
            assert log_bytes(hop) <= BUDGET
            end = gateway_options(tmp_path / "end", 9, listen=address)
            async with running(end) as endpoint:
                outflow = gateway.daemon.outflow
                assert outflow is not None
                await until(lambda: outflow.passed >= gateway.daemon.log.durable, "everything is sent")
                await endpoint.daemon.committer.durable(endpoint.daemon.log.state.sequence)
        delivered = set(readings(tmp_path / "end"))
        lost = gateway.daemon.log.state.lost[Why.DROPPED]
        assert lost > 0
        assert len(delivered) + lost == len(source.made)
        assert delivered <= set(source.made)
        named = [decode_body(record) for record in records(tmp_path / "end") if record.kind == Kind.LOSS]
        assert any(isinstance(loss, Loss) and loss.why == Why.DROPPED for loss in named)

    asyncio.run(scenario())
