"""Signs of life on a link: both ends give some also when there is nothing to send and nothing may be read."""

import asyncio
from pathlib import Path

from headwater.pipeline.receiver import Inflow
from headwater.pipeline.sender import Outflow
from tests.pipeline.daemons import Running, chain, until
from tests.pipeline.ends import End, Wire


def heard_back(sender: Running) -> int:
    outflow = sender.daemon.outflow
    assert isinstance(outflow, Outflow)
    return outflow.heard


def heard_forth(receiver: Running) -> int:
    return sum(each.messages for each in receiver.daemon.core.connections.values() if isinstance(each, Inflow))


def test_a_link_on_which_nothing_passes_is_heard_at_both_ends(tmp_path: Path) -> None:
    async def run() -> None:
        async with chain(tmp_path, {}, {}) as (sender, receiver):
            await until(lambda: heard_forth(receiver) and heard_back(sender))
            forth, back = heard_forth(receiver), heard_back(sender)
            await until(lambda: heard_forth(receiver) > forth + 1 and heard_back(sender) > back + 1)
            links = [each.daemon._board.look(each.daemon.outflow, 0).links for each in (sender, receiver)]
            assert [len(ends) for ends in links] == [1, 1]

    asyncio.run(run())


def test_a_receiver_that_withholds_reads_is_heard(tmp_path: Path) -> None:
    async def run() -> None:
        async with chain(tmp_path, {}, {}) as (sender, receiver):
            await until(lambda: heard_back(sender))
            receiver.daemon.core.room = lambda: False
            back = heard_back(sender)
            await until(lambda: heard_back(sender) > back + 2)
            assert receiver.daemon._board.look(None, 0).withheld_ms > 0

    asyncio.run(run())


def test_a_sign_of_life_carries_nothing_and_changes_nothing() -> None:
    end, target = End(1, next="x:1"), End(2)
    wire = Wire(end.outflow(), target)
    before = target.records()
    sign = wire.outflow.sign()
    assert sign is not None
    assert wire.inflow.take(sign) == []
    assert target.records() == before
    assert end.outflow().sign() is None, "before the connection stands"
