"""The 2018 service: a plain client of 2018, in a process of its own, works against our gateway unchanged."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest

from headwater.model.ids import parse_id
from headwater.model.reading import SeriesKey
from headwater.model.stamp import Lists
from headwater.pipeline import collector, server
from headwater.pipeline import daemon as daemon_module
from headwater.wire import provenance_system_pb2 as pb2018
from headwater.wire.provenance_system_pb2_grpc import gatewayStub
from tests.pipeline import grid2018
from tests.pipeline.daemons import (
    FullDisk,
    Reading,
    Running,
    by_series,
    fill,
    gateway_options,
    logged,
    readings,
    running,
    until,
)

ID = "5a7b91370003c6badfb2"


class Answer(NamedTuple):
    code: str
    trailers: dict[str, str]

    @property
    def counts(self) -> tuple[str, int, int]:
        """The reply code, how many were accepted, how many refused."""
        return self.code, int(self.trailers["headwater-accepted"]), int(self.trailers["headwater-refused"])


def message(value: float, meter: str = "m", **more: Any) -> dict[str, Any]:
    return {"meter": meter, "metric": "power", "timestamp": 1000 * int(value), "value": value, **more}


def expected(message: dict[str, Any]) -> Reading:
    return Reading(message["meter"], message["metric"], message["timestamp"], message["value"])


async def push(address: str, *streams: list[dict[str, Any]]) -> list[Answer]:
    """Send streams, all at once, from a process that knows nothing of Headwater."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, grid2018.__file__, "client", address), stdin=-1, stdout=-1
    )
    out, _ = await process.communicate(json.dumps(streams).encode())
    assert process.returncode == 0
    return [Answer(**json.loads(line)) for line in out.splitlines()]


def at_gateway(folder: Path, work: Callable[[Running], Coroutine[None, None, None]], **options: Any) -> None:
    """Run something with a gateway; its log is whole afterwards."""

    async def run() -> None:
        async with running(gateway_options(folder, **options)) as gateway:
            await work(gateway)

    asyncio.run(run())


class OpenStream:
    """A stream that is written message by message, from this process."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.call = gatewayStub(channel).push_data()

    async def write(self, message: dict[str, Any]) -> None:
        data = pb2018.Grid_data(
            measurement=pb2018.measurement_message(
                meter_id=message["meter"],
                metric_id=message["metric"],
                timestamp=message["timestamp"],
                value=message["value"],
            ),
            prov_id=message.get("prov_id", ""),
        )
        await self.call.write(data)

    async def finish(self) -> Answer:
        await self.call.done_writing()
        return await self.answer()

    async def answer(self) -> Answer:
        reply = await self.call
        trailers = await self.call.trailing_metadata()
        return Answer(reply.response_code, {str(key): str(value) for key, value in trailers})


@contextlib.asynccontextmanager
async def open_streams(address: str) -> AsyncIterator[Callable[[], OpenStream]]:
    async with grpc.aio.insecure_channel(address) as channel:
        yield lambda: OpenStream(channel)


# ---- what is taken --------------------------------------------------------------------------------------------------


def test_a_stream_is_answered_200_and_all_of_it_is_in_the_log_in_order(tmp_path: Path) -> None:
    sent = [message(value, meter=f"m{value % 3}") for value in range(2500)]

    async def work(gateway: Running) -> None:
        (answer,) = await push(gateway.address, sent)
        assert answer == Answer("200", {"headwater-accepted": "2500", "headwater-refused": "0"})
        # An answer promises durability: another process may read all of it now.
        assert by_series(readings(tmp_path)) == by_series([expected(one) for one in sent])

    at_gateway(tmp_path, work)


def test_every_value_arrives_to_the_last_bit(tmp_path: Path) -> None:
    extremes = [
        {**message(0), "timestamp": timestamp, "value": value}
        for timestamp, value in ((-(2**63), 5e-324), (2**63 - 1, -1.7976931348623157e308), (0, 0.1 + 0.2))
    ]

    async def work(gateway: Running) -> None:
        await push(gateway.address, [*extremes, message(1, meter="Zähler 7 ⚡")])

    at_gateway(tmp_path, work)
    assert readings(tmp_path) == [*map(expected, extremes), expected(message(1, meter="Zähler 7 ⚡"))]


def test_an_empty_stream_is_answered_200_with_nothing_accepted(tmp_path: Path) -> None:
    async def work(gateway: Running) -> None:
        assert [answer.counts for answer in await push(gateway.address, [])] == [("200", 0, 0)]

    at_gateway(tmp_path, work)
    assert readings(tmp_path) == []


def test_streams_at_once_are_all_taken_each_in_its_order(tmp_path: Path) -> None:
    streams = [[message(value, meter=f"m{stream}") for value in range(300)] for stream in range(8)]

    async def work(gateway: Running) -> None:
        assert [answer.counts for answer in await push(gateway.address, *streams)] == [("200", 300, 0)] * 8

    at_gateway(tmp_path, work)
    assert by_series(readings(tmp_path)) == by_series([expected(one) for stream in streams for one in stream])


def test_streams_at_once_share_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "WAIT_MS_MIN", 500.0)
    monkeypatch.setattr(collector, "WAIT_MS_MAX", 500.0)

    async def work(gateway: Running) -> None:
        async with open_streams(gateway.address) as begin:
            streams = [begin() for _ in range(20)]
            await asyncio.gather(*(stream.write(message(1, meter=f"m{at}")) for at, stream in enumerate(streams)))
            answers = await asyncio.gather(*(stream.finish() for stream in streams))
            assert {answer.code for answer in answers} == {"200"}

    at_gateway(tmp_path, work)
    assert len({one.batch.origin.number for one in logged(tmp_path)}) < 10


@pytest.fixture
def waiting_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """No batch is logged because of the time, but the first."""
    monkeypatch.setattr(collector, "WAIT_MS_MIN", 1e6)
    monkeypatch.setattr(collector, "WAIT_MS_MAX", 1e6)


@pytest.mark.parametrize(("count", "more"), [(collector.READINGS, {}), (80, {"prov_id": "x" * 1000})])
def test_what_waits_is_bounded_in_messages_and_in_bytes(
    tmp_path: Path, waiting_long: None, count: int, more: dict[str, Any]
) -> None:
    sent = [message(value, **more) for value in range(1 + count)]

    async def work(gateway: Running) -> None:
        await push(gateway.address, sent[:1])
        async with open_streams(gateway.address) as begin:
            stream = begin()
            for each in sent[1:]:
                await stream.write(each)
            await until(lambda: gateway.daemon.log.state.count > count / 2, "a batch that is full")

    at_gateway(tmp_path, work)
    held = readings(tmp_path)
    assert held == [*map(expected, sent)][: len(held)]


def test_whoever_logs_a_batch_takes_the_messages_that_wait(tmp_path: Path, waiting_long: None) -> None:
    async def work(gateway: Running) -> None:
        await push(gateway.address, [message(0)])
        async with open_streams(gateway.address) as begin:
            for value in (1, 2):
                await begin().write(message(value))

            def logged() -> bool:
                gateway.daemon.collector.flush()
                return gateway.daemon.log.state.count == 3

            await until(logged)

    at_gateway(tmp_path, work)


# ---- ids from outside -----------------------------------------------------------------------------------------------


def test_an_id_that_came_along_is_the_input_of_ours_and_shown_as_from_outside(tmp_path: Path) -> None:
    async def work(gateway: Running) -> None:
        await push(gateway.address, [message(0, prov_id=ID), message(1), message(2, prov_id=ID.upper())])

    at_gateway(tmp_path, work)
    held = {one.reading.value: one for one in logged(tmp_path)}
    for one in held.values():
        stamp = one.batch.stamp
        assert stamp is not None
        assert stamp.outside == isinstance(stamp.inputs, Lists)
        runs = stamp.inputs.inputs[one.position] if isinstance(stamp.inputs, Lists) else ()
        assert [run.at(0) for run in runs] == ([] if one.reading.value == 1 else [parse_id(ID)])
        assert str(one.id).endswith("000001")


@pytest.mark.parametrize("wrong", ["0" * 19, "g" * 20, "0" * 21, "1518047543000, 1518047543002", "０" * 20])
def test_an_id_that_is_none_is_left_out_and_counted(tmp_path: Path, wrong: str) -> None:
    async def work(gateway: Running) -> None:
        (answer,) = await push(gateway.address, [message(1, prov_id=wrong)])
        assert answer.counts == ("200", 1, 0)
        assert gateway.daemon.core.refused == {"parent-id-ignored": 1}

    at_gateway(tmp_path, work)
    assert [one.batch.stamp.inputs for one in logged(tmp_path) if one.batch.stamp] == [None]


def test_without_provenance_the_log_holds_the_same_readings_without_stamps(tmp_path: Path) -> None:
    async def work(gateway: Running) -> None:
        assert (await push(gateway.address, [message(1, prov_id=ID)]))[0].counts == ("200", 1, 0)

    at_gateway(tmp_path, work, provenance=False)
    assert readings(tmp_path) == [expected(message(1))]
    assert [one.id for one in logged(tmp_path)] == [None]


# ---- what is refused ------------------------------------------------------------------------------------------------


WRONG: dict[str, dict[str, Any]] = {
    "no-measurement": {},
    "empty-id": message(1, meter=""),
    "long-id": message(1, meter="m" * 257),
    "message": {"raw": "0aff"},
}


@pytest.mark.parametrize("reason", WRONG)
def test_a_wrong_message_costs_only_itself_and_is_counted_and_named(tmp_path: Path, reason: str) -> None:
    async def work(gateway: Running) -> None:
        (answer,) = await push(gateway.address, [message(1), WRONG[reason], message(2)])
        assert answer.counts == ("207", 2, 1)
        assert answer.trailers["headwater-reason"].startswith(f"message 2: {reason}: ")
        assert gateway.daemon.core.refused == {reason: 1}

    at_gateway(tmp_path, work)
    assert readings(tmp_path) == [expected(message(1)), expected(message(2))]


def test_a_message_that_is_no_utf_8_costs_only_itself(tmp_path: Path) -> None:
    latin = grid2018.encode(message(1, meter="Zahler")).replace(b"a", b"\xe4", 1)

    async def work(gateway: Running) -> None:
        (answer,) = await push(gateway.address, [message(1), {"raw": latin.hex()}, message(2)])
        assert answer.counts == ("207", 2, 1)

    at_gateway(tmp_path, work)


def test_a_stream_of_nothing_valid_is_answered_400(tmp_path: Path) -> None:
    async def work(gateway: Running) -> None:
        (answer,) = await push(gateway.address, [*WRONG.values()])
        assert answer.counts == ("400", 0, 4)
        # The first three say enough; all are counted.
        assert answer.trailers["headwater-reason"].count("message ") >= 3
        assert gateway.daemon.core.refused == dict.fromkeys(WRONG, 1)

    at_gateway(tmp_path, work)


def test_one_stream_of_wrong_messages_does_not_touch_another(tmp_path: Path) -> None:
    async def work(gateway: Running) -> None:
        answers = await push(gateway.address, [{}] * 500, [message(value) for value in range(500)])
        assert [answer.counts for answer in answers] == [("400", 0, 500), ("200", 500, 0)]

    at_gateway(tmp_path, work)


def test_reasons_are_ascii_and_bounded(tmp_path: Path) -> None:
    async def work(gateway: Running) -> None:
        (answer,) = await push(gateway.address, [message(1, meter="ü\n" * 5000)] * 50)
        reason = answer.trailers["headwater-reason"]
        assert reason.isascii()
        assert reason.isprintable()
        assert len(reason) <= 1000

    at_gateway(tmp_path, work)


# ---- streams that do not end well -----------------------------------------------------------------------------------


def test_what_came_before_a_client_gave_up_is_kept(tmp_path: Path) -> None:
    async def work(gateway: Running) -> None:
        async with open_streams(gateway.address) as begin:
            stream = begin()
            for value in range(5):
                await stream.write(message(value))
            await until(lambda: gateway.daemon.log.state.count == 5)
            stream.call.cancel()
        await push(gateway.address, [message(5)])

    at_gateway(tmp_path, work)
    assert [reading.value for reading in readings(tmp_path)] == [0, 1, 2, 3, 4, 5]


def test_a_quiet_stream_does_not_keep_readings_from_the_log(tmp_path: Path) -> None:
    async def work(gateway: Running) -> None:
        async with open_streams(gateway.address) as begin:
            stream = begin()
            await stream.write(message(1))
            await until(lambda: readings(tmp_path) == [expected(message(1))], "the reading of an open stream")
            assert not stream.call.done()

    at_gateway(tmp_path, work)


def test_a_gateway_that_stops_keeps_what_it_had_taken(tmp_path: Path) -> None:
    async def work(gateway: Running) -> None:
        gateway.daemon.collector.add(SeriesKey("m", "power"), 0, 1.0)

    at_gateway(tmp_path, work)
    assert [reading.meter for reading in readings(tmp_path)] == ["m"]


# ---- no room, no disk -----------------------------------------------------------------------------------------------


def test_without_room_nothing_more_is_taken_and_nothing_is_lost(tmp_path: Path) -> None:
    async def work(gateway: Running) -> None:
        core, room = gateway.daemon.core, asyncio.Event()
        core.room = room.is_set
        sending = asyncio.create_task(push(gateway.address, [message(value) for value in range(3000)]))
        await asyncio.sleep(0.5)
        assert gateway.daemon.log.state.count + gateway.daemon.collector.waiting == 0
        assert not sending.done()
        room.set()
        assert (await sending)[0].counts == ("200", 3000, 0)

    at_gateway(tmp_path, work)
    assert [reading.value for reading in readings(tmp_path)] == [float(value) for value in range(3000)]


def full_disk_gateway(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    work: Callable[[Running], Coroutine[None, None, None]],
    patience_s: float = 0.2,
) -> None:
    """Run something with a gateway whose disk can be full, and that has little patience."""
    monkeypatch.setattr(daemon_module, "RealDisk", FullDisk)
    monkeypatch.setattr(server.GatewayServicer.__init__, "__defaults__", (patience_s,))

    at_gateway(folder, work)


def test_a_disk_that_refuses_is_answered_503_and_200_when_it_works_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(gateway: Running) -> None:
        disk = await fill(gateway)
        (answer,) = await push(gateway.address, [message(1)])
        assert answer.counts == ("503", 0, 0)
        assert "again" in answer.trailers["headwater-reason"]
        disk.full = False
        await until(lambda: not gateway.daemon.committer.failing)
        assert (await push(gateway.address, [message(2)]))[0].counts == ("200", 1, 0)

    full_disk_gateway(tmp_path, monkeypatch, work)
    # At least once: what was answered 503 may be there all the same.
    assert {reading.value for reading in readings(tmp_path)} >= {2.0}


def test_nothing_is_promised_before_it_is_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(gateway: Running) -> None:
        async with open_streams(gateway.address) as begin:
            disk = await fill(gateway)
            stream = begin()
            await stream.write(message(1))
            answer = asyncio.create_task(stream.finish())
            await until(lambda: gateway.daemon.committer.failing)
            await asyncio.sleep(0.3)
            assert not answer.done()
            disk.full = False
            assert (await answer).counts == ("200", 1, 0)
            assert readings(tmp_path) == [expected(message(1))]

    full_disk_gateway(tmp_path, monkeypatch, work, patience_s=60)


def test_a_stream_that_never_ends_is_answered_503_when_the_disk_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(gateway: Running) -> None:
        disk = await fill(gateway)
        gateway.daemon.core.room = lambda: gateway.daemon.log.unsynced_bytes < 10_000
        async with open_streams(gateway.address) as begin:
            stream = begin()

            async def write_on() -> None:
                for value in range(1_000_000):
                    await stream.write(message(value))

            writing = asyncio.create_task(write_on())
            assert (await stream.answer()).code == "503"
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
        disk.full = False

    full_disk_gateway(tmp_path, monkeypatch, work)
