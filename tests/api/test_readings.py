"""Values from agents: which runs are asked for, and what an agent that fails costs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise

import grpc
import grpc.aio
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.api import readings
from headwater.api.readings import IDS_PER_QUESTION, AgentClients, Found, questions, runs_of
from headwater.model.ids import DataPointId, IdRun
from headwater.model.reading import Reading
from headwater.store.port import Node
from headwater.wire import headwater_pb2 as pb
from headwater.wire.headwater_pb2_grpc import AgentServicer, add_AgentServicer_to_server
from tests.api.served import Agent, dead_address

NODE = 7
TIMEOUT_S = 20.0


def ids_of(*ordinals: int) -> list[DataPointId]:
    return [DataPointId(NODE, ordinal) for ordinal in ordinals]


def reading(ordinal: int) -> Reading:
    return Reading("meter", "metric", ordinal, ordinal / 2)


def ask(agent: AgentServicer, ids: list[DataPointId], timeout_s: float = TIMEOUT_S) -> dict[DataPointId, Found]:
    """What a real grpc.aio server with this agent answers."""

    async def run() -> dict[DataPointId, Found]:
        server = grpc.aio.server()
        add_AgentServicer_to_server(agent, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        clients = AgentClients(timeout_s)
        try:
            return await clients.read(_node(f"127.0.0.1:{port}"), ids)
        finally:
            await clients.close()
            await server.stop(None)

    return asyncio.run(run())


def _node(address: str) -> Node:
    return Node(NODE, "node", b"12345678", address, None, None, 0)


def test_readings_come_back_by_id_and_runs_are_asked_for_whole() -> None:
    agent = Agent({DataPointId(NODE, ordinal): reading(ordinal) for ordinal in range(10)})

    found = ask(agent, ids_of(8, 1, 2, 3, 2))

    assert found == {DataPointId(NODE, ordinal): ("ok", reading(ordinal)) for ordinal in (1, 2, 3, 8)}
    assert agent.asked == [[(1, 3), (8, 1)]]


def test_a_run_that_is_gone_in_part_is_told_apart() -> None:
    held: dict[DataPointId, Reading | str] = {DataPointId(NODE, at): reading(at) for at in range(6)}
    held[DataPointId(NODE, 2)] = "expired"
    held[DataPointId(NODE, 3)] = "damaged"

    found = ask(Agent(held), ids_of(0, 1, 2, 3, 4, 5, 6))

    assert [found[id][0] for id in ids_of(0, 1, 2, 3, 4, 5, 6)] == [
        "ok", "ok", "expired", "damaged", "ok", "ok", "unknown",
    ]  # fmt: skip


def test_an_address_where_nobody_answers_is_unreachable() -> None:
    async def run(address: str) -> dict[DataPointId, Found]:
        clients = AgentClients(TIMEOUT_S)
        try:
            return await clients.read(_node(address), ids_of(1, 2))
        finally:
            await clients.close()

    with dead_address() as address:
        dead = asyncio.run(run(address))

    assert dead == asyncio.run(run("")) == dict.fromkeys(ids_of(1, 2), ("unreachable", None))


class _Answers(AgentServicer):
    """An agent that answers as it is told."""

    def __init__(self, answer: Callable[[pb.ReadingsWanted], Awaitable[pb.ReadingsFound]]) -> None:
        self._answer = answer

    async def read(self, request: pb.ReadingsWanted, context: object) -> pb.ReadingsFound:
        return await self._answer(request)

    def beat(self, request_iterator: AsyncIterator[pb.Beat], context: object) -> AsyncIterator[pb.Beat]:
        raise NotImplementedError


def test_an_agent_that_hangs_is_given_up() -> None:
    async def hang(_: pb.ReadingsWanted) -> pb.ReadingsFound:
        await asyncio.sleep(3600)
        raise AssertionError

    assert ask(_Answers(hang), ids_of(1), 0.05) == {DataPointId(NODE, 1): ("unreachable", None)}


@pytest.mark.parametrize(
    ("found", "states"),
    [
        ([], ["unreachable", "unreachable"]),
        ([pb.Found(state="ok", readings=b"\xc1")], ["unreachable", "unreachable"]),
        ([pb.Found(state="ok", readings=msgspec.msgpack.encode([reading(1)]))], ["ok", "unknown"]),
        ([pb.Found(state="no such state")], ["unknown", "unreachable"]),
    ],
)
def test_an_agent_that_answers_nonsense_spoils_nothing_else(found: list[pb.Found], states: list[str]) -> None:
    async def answer(_: pb.ReadingsWanted) -> pb.ReadingsFound:
        return pb.ReadingsFound(found=found)

    answered = ask(_Answers(answer), ids_of(1, 2))

    assert [answered[id][0] for id in ids_of(1, 2)] == states


@given(st.lists(st.integers(0, 60)))
def test_runs_hold_each_id_once_and_are_as_long_as_they_can_be(ordinals: list[int]) -> None:
    runs = list(runs_of(ids_of(*ordinals)))

    assert [run.start + at for run in runs for at in range(run.count)] == sorted(set(ordinals))
    assert all(one.end < next.start for one, next in pairwise(runs))


@given(st.sets(st.integers(0, 60)), st.integers(1, 9))
def test_no_question_asks_for_more_than_it_may(ordinals: set[int], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readings, "IDS_PER_QUESTION", most)
        asked = list(questions(ids_of(*ordinals)))

    assert all(0 < sum(run.count for run in portion) <= most for portion in asked)
    assert [run.start + at for portion in asked for run in portion for at in range(run.count)] == sorted(ordinals)


def test_a_long_run_is_asked_for_in_portions() -> None:
    many = [DataPointId(NODE, at) for at in range(IDS_PER_QUESTION + 2)]

    assert list(questions(many)) == [[IdRun(NODE, 0, IDS_PER_QUESTION)], [IdRun(NODE, IDS_PER_QUESTION, 2)]]
