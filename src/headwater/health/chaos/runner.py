"""Runs one scenario, in a process of its own: `python -m headwater.health.chaos.runner`.

Reads a `Task` as one line of JSON from standard input and says how far it is as lines of JSON, each a `Step`. It ends,
and heals everything, when standard input does. What it sees it sees over its own connection to the API; injections and
detections are timed by the same monotonic clock, which all processes of a machine share.
"""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from headwater.client import AsyncClient, Retries
from headwater.health.chaos.control import Control
from headwater.health.chaos.documents import ChaosFault, ChaosNow, ChaosReport
from headwater.health.chaos.looking import books, look_of
from headwater.health.chaos.observer import NS, Observer
from headwater.health.chaos.report import Books, report
from headwater.health.chaos.scenario import Fault
from headwater.model.errors import HeadwaterError, Rejected

LOOK_EVERY_S = 0.04
LOOK_S_MAX = 5.0
"""A look that takes longer has failed."""
CALM_S_MAX = 60.0
"""How long recovery is waited for."""
CALM_AT_FIRST_S_MAX = 120.0
DRAIN_S_MAX = 60.0
"""How long what is buffered may take to be delivered at the end."""


class Task(msgspec.Struct, frozen=True):
    """What to do."""

    api: str
    control: str
    seed: int
    faults: list[Fault]


class Step(msgspec.Struct, omit_defaults=True):
    """How far it is."""

    doing: str = ""
    now: ChaosNow | None = None
    over: ChaosFault | None = None
    report: ChaosReport | None = None
    state: Literal["running", "done", "stopped", "failed"] = "running"
    problem: str = ""


Say = Callable[[Step], None]


class Runner:
    """One run."""

    def __init__(self, task: Task, client: AsyncClient, control: Control, say: Say, stop: asyncio.Event) -> None:
        self._task = task
        self._client = client
        self._control = control
        self._say = say
        self._stop = stop
        self._names = {place.node: place.name for place in control.places()}
        self._begun_ns = time.monotonic_ns()
        self._observer = Observer(self._names, self._begun_ns)
        self._before = Books()
        self._now: ChaosNow | None = None

    async def run(self) -> None:
        """From the first look to the report; what is under way is healed when it is stopped."""
        begun_ms = time.time_ns() // 1_000_000
        state: Literal["done", "stopped"] = "done"
        watching = asyncio.create_task(self._watch())
        try:
            self._say(Step("waiting until everything is well"))
            if not await self._calm(CALM_AT_FIRST_S_MAX) and not self._stop.is_set():
                raise HeadwaterError("something is Red already: a run of chaos begins when everything is well")
            self._before = await books(self._client)
            for number, fault in enumerate(self._task.faults, 1):
                await self._one(fault, f"{number} of {len(self._task.faults)}")
                if self._stop.is_set():
                    break
            if self._stop.is_set():
                state = "stopped"
            after = await self._drained()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        lasted_s = (time.monotonic_ns() - self._begun_ns) / NS
        made = report(self._task.seed, begun_ms, lasted_s, self._observer, self._before, after)
        self._say(Step(report=made, state=state))

    async def _one(self, fault: Fault, which: str) -> None:
        """One fault, from the wait before it until everything is well again."""
        to_come = ChaosNow(number=len(self._observer.faults) + 1, fault=fault, stage="before")
        self._say(Step(f"{which}: {fault.after_s:g} s before {fault.kind} at {fault.target}", to_come))
        await self._pause(fault.after_s)
        if self._stop.is_set():
            return
        try:
            # Alarms may come while it is still being put in.
            self._observer.begin(fault, time.monotonic_ns())
            self._observer.injected(await asyncio.to_thread(self._control.inject, fault))
        except (HeadwaterError, OSError) as error:
            problem = error.detail if isinstance(error, Rejected) else str(error)
            self._say(Step(over=self._observer.skip(fault, time.monotonic_ns(), problem)))
            await self._calm(CALM_S_MAX)
            return
        self._tell(f"{which}: {fault.kind} at {fault.target}")
        try:
            await self._last(fault)
        finally:
            self._observer.heal(await asyncio.to_thread(self._control.heal))
        self._tell(f"{which}: {fault.kind} at {fault.target} is healed, waiting until everything is well")
        await self._calm(CALM_S_MAX)
        self._say(Step(over=self._observer.end()))

    def _tell(self, doing: str = "") -> None:
        """Say how the open fault was noticed so far."""
        self._now = self._observer.under_way()
        self._say(Step(doing, self._now))

    async def _last(self, fault: Fault) -> None:
        """Wait until it is time to heal a fault."""
        if not fault.until_told:
            await self._pause(fault.for_s)
            return
        deadline_s = time.monotonic() + fault.for_s
        while time.monotonic() < deadline_s and not self._observer.is_told(time.monotonic_ns()):
            await self._pause(LOOK_EVERY_S)
            if self._stop.is_set():
                return

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)

    async def _calm(self, patience_s: float) -> bool:
        """Wait until nothing is Red, or until it is time to stop."""
        deadline_s = time.monotonic() + patience_s
        while not (well := self._observer.is_well(time.monotonic_ns())) and time.monotonic() < deadline_s:
            await self._pause(LOOK_EVERY_S)
            if self._stop.is_set():
                break
        return well

    async def _watch(self) -> None:
        """Look until cancelled."""
        while True:
            began_s = time.monotonic()
            try:
                async with asyncio.timeout(LOOK_S_MAX):
                    health = await self._client.health()
            except (HeadwaterError, TimeoutError):
                self._observer.failed += 1
            else:
                self._observer.see(look_of(health, time.monotonic_ns()))
                if self._observer.under_way() != self._now:
                    self._tell()
            await asyncio.sleep(max(0.0, began_s + LOOK_EVERY_S - time.monotonic()))

    async def _drained(self) -> Books:
        """The books once what waits has been delivered, or the patience for that is at its end."""
        self._say(Step("waiting until what is buffered has been delivered"))
        deadline_s = time.monotonic() + DRAIN_S_MAX
        while True:
            after = await books(self._client)
            if after.waiting == 0 or self._stop.is_set() or time.monotonic() > deadline_s:
                return after
            await self._pause(0.5)


async def run(task: Task, say: Say, stop: asyncio.Event) -> None:
    """Run a task; HeadwaterError says why it cannot be."""
    with contextlib.closing(Control(Path(task.control))) as control:
        async with AsyncClient(task.api, timeout_s=LOOK_S_MAX, retries=Retries(times=0)) as client:
            await Runner(task, client, control, say, stop).run()


def main() -> int:
    """Be the process."""
    task = msgspec.json.decode(sys.stdin.buffer.readline(), type=Task)

    def say(step: Step) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.buffer.write(msgspec.json.encode(step) + b"\n")
            sys.stdout.buffer.flush()

    async def serve() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_reader(sys.stdin.fileno(), lambda: None if sys.stdin.buffer.read(1) else _ended(loop, stop))
        try:
            await run(task, say, stop)
        except HeadwaterError as error:
            say(Step(state="failed", problem=str(error)))

    asyncio.run(serve())
    return 0


def _ended(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    loop.remove_reader(sys.stdin.fileno())
    stop.set()


if __name__ == "__main__":
    sys.exit(main())
