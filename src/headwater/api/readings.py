"""Values by id, asked from the agents of the nodes that hold them."""

import asyncio
from collections.abc import Iterator
from typing import Protocol

import grpc.aio
import msgspec

from headwater.model.ids import DataPointId, IdRun
from headwater.model.reading import Reading
from headwater.store.port import Node
from headwater.wire import headwater_pb2 as pb
from headwater.wire.headwater_pb2_grpc import AgentStub

OK = "ok"
UNKNOWN = "unknown"
UNREACHABLE = "unreachable"
NO_VALUE = frozenset({UNKNOWN, "expired", "damaged"})
"""What an agent may say of an id that it has no reading for."""
IDS_PER_QUESTION = 8_192
ANSWER_BYTES_MAX = 64 << 20
CHANNELS_MAX = 1_024

Found = tuple[str, Reading | None]
"""`ok` and a reading, or unknown, expired, damaged or unreachable, and None."""

_decode = msgspec.msgpack.Decoder(list[Reading]).decode


class AgentReadings(Protocol):
    """Whoever can ask nodes for readings."""

    async def read(self, node: Node, ids: list[DataPointId]) -> dict[DataPointId, Found]:
        """What the node says of each id, all of which are its own; a node that cannot be asked is `unreachable`,
        never an error."""
        ...


class NoReadings:
    """Stands where no agent may be asked: everything is unreachable."""

    async def read(self, node: Node, ids: list[DataPointId]) -> dict[DataPointId, Found]:
        return dict.fromkeys(ids, (UNREACHABLE, None))


class AgentClients:
    """One channel per agent address; each question is bounded in ids and time."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._channels: dict[str, grpc.aio.Channel] = {}

    async def read(self, node: Node, ids: list[DataPointId]) -> dict[DataPointId, Found]:
        answer: dict[DataPointId, Found] = dict.fromkeys(ids, (UNREACHABLE, None))
        if not node.address:
            return answer
        try:
            for runs in questions(ids):
                await self._read(node.address, runs, answer)
        except (grpc.aio.AioRpcError, msgspec.DecodeError, UnicodeDecodeError):
            pass  # What was found until now stays, the rest is unreachable.
        return answer

    async def close(self) -> None:
        channels, self._channels = list(self._channels.values()), {}
        await asyncio.gather(*(channel.close() for channel in channels))

    async def _read(self, address: str, runs: list[IdRun], answer: dict[DataPointId, Found]) -> None:
        """Ask for runs. A run with a state other than `ok` may be so in part, so its halves are asked for again."""
        while runs:
            found = await self._ask(address, runs)
            again: list[IdRun] = []
            for run, one in zip(runs, found, strict=False):
                again += _take(run, one, answer)
            runs = again

    async def _ask(self, address: str, runs: list[IdRun]) -> list[pb.Found]:
        wanted = pb.ReadingsWanted(run=[pb.Run(start=run.start, count=run.count) for run in runs])
        stub = AgentStub(await self._channel(address))
        answer = await stub.read(wanted, timeout=self._timeout_s)
        return list(answer.found)

    async def _channel(self, address: str) -> grpc.aio.Channel:
        channel = self._channels.pop(address, None)
        if channel is None:
            channel = grpc.aio.insecure_channel(
                address, options=[("grpc.max_receive_message_length", ANSWER_BYTES_MAX)]
            )
        self._channels[address] = channel
        if len(self._channels) > CHANNELS_MAX:
            await self._channels.pop(next(iter(self._channels))).close()
        return channel


def _take(run: IdRun, found: pb.Found, answer: dict[DataPointId, Found]) -> list[IdRun]:
    """Note what was found of a run; return the parts to ask for again."""
    if found.state != OK and run.count > 1:
        half = run.count // 2
        return [run.part(0, half), run.part(half, run.count - half)]
    readings = _decode(found.readings) if found.state == OK else []
    state = found.state if found.state in NO_VALUE else UNKNOWN
    for position in range(run.count):
        held = position < len(readings)
        answer[run.at(position)] = (OK, readings[position]) if held else (state, None)
    return []


def questions(ids: list[DataPointId]) -> Iterator[list[IdRun]]:
    """Ids of one node as runs, in portions of at most `IDS_PER_QUESTION` ids."""
    portion: list[IdRun] = []
    room = IDS_PER_QUESTION
    for run in runs_of(ids):
        if run.count > room:
            yield portion
            portion, room = [], IDS_PER_QUESTION
        portion.append(run)
        room -= run.count
    if portion:
        yield portion


def runs_of(ids: list[DataPointId]) -> Iterator[IdRun]:
    """The consecutive runs in ids of one node, each id once, none longer than a question."""
    start = count = 0
    for ordinal in sorted({point.ordinal for point in ids}):
        if 0 < count < IDS_PER_QUESTION and ordinal == start + count:
            count += 1
            continue
        if count:
            yield IdRun(ids[0].node, start, count)
        start, count = ordinal, 1
    if count:
        yield IdRun(ids[0].node, start, count)
