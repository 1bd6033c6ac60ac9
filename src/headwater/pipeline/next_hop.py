"""The way to the next hop, to whichever it is at present: what is sent, and the task that sends it."""

import asyncio
import random
from collections.abc import Callable, Coroutine

from headwater.log.cursors import load_cursor
from headwater.log.disk import Disk
from headwater.pipeline.committer import Committer
from headwater.pipeline.core import Core
from headwater.pipeline.forward import Forwarder
from headwater.pipeline.forward2018 import Forwarder2018, Outflow2018
from headwater.pipeline.sender import FORWARD, Outflow


class NextHop:
    """One next hop at a time; an endpoint has none, and stays so."""

    def __init__(self, core: Core, disk: Disk, committer: Committer, allow: Callable[[int], None]) -> None:
        self._core = core
        self._disk = disk
        self._committer = committer
        self._allow = allow
        self.outflow = self._open()
        self._changed = asyncio.Event()

    def _open(self, begun: bool = True) -> Outflow | Outflow2018 | None:
        """What goes to the next hop, in its protocol; `begun` is False when nothing was sent to it yet."""
        core, options = self._core, self._core.options
        if options.next is None:
            return None
        if options.next_protocol == "push_data":
            return Outflow2018(core, core.log.reader(0), load_cursor(self._disk, FORWARD), self._allow)
        return Outflow(core, self._disk, core.log.reader(0), self._allow, begun=begun)

    async def run(self) -> None:
        """Send until cancelled, to another hop after `change`."""
        while True:
            self._changed.clear()
            if self.outflow is None:
                await self._changed.wait()
                continue
            tasks = {asyncio.create_task(self._sending()), asyncio.create_task(self._changed.wait())}
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            for task in done:
                task.result()

    def _sending(self) -> Coroutine[None, None, None]:
        address, outflow = self._core.options.next or "", self.outflow
        if isinstance(outflow, Outflow2018):
            return Forwarder2018(outflow, self._committer, address, random.Random()).run()
        assert outflow is not None
        return Forwarder(outflow, self._committer, address, random.Random()).run()

    # ---- changing hops -----------------------------------------------------------------------------------------------

    def hold(self, held: bool) -> None:
        """Send nothing more, or go on: what is under way is to be answered first."""
        if self.outflow is not None:
            self.outflow.held = held

    @property
    def resolved(self) -> bool:
        """Whether it is known of everything that was sent whether the next hop has it."""
        return self.outflow is None or self.outflow.resolved

    @property
    def passed(self) -> int:
        """Everything up to this sequence is with the next hop, or does not go there."""
        return self.outflow.passed if self.outflow is not None else 0

    def change(self) -> None:
        """From now on send to the next hop that the options name, what is behind the last that the former has."""
        if self.outflow is not None:
            self.outflow.over = True
        self.outflow = self._open(begun=False)
        self._changed.set()
