"""The runs of chaos of one API: each a process, one at a time; what they say of themselves is kept."""

import asyncio
import contextlib
import logging
import os
import secrets
import sys
from asyncio.subprocess import Process
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from headwater.health.chaos.control import Control
from headwater.health.chaos.documents import ChaosQuestion, ChaosRun
from headwater.health.chaos.runner import Step, Task
from headwater.health.chaos.scenario import Fault, Place, faults_of, read_scenario, seeded
from headwater.model.errors import NotFound, Rejected

RUNS_MAX = 16
"""Runs that are remembered."""
RECENT_MAX = 50
"""Faults that are over and are told with a run."""
LINE_BYTES_MAX = 64 << 20
"""A report of the most faults that a scenario may have is shorter."""
STOP_S_MAX = 10.0

_logger = logging.getLogger(__name__)
_COMMAND = (sys.executable, "-P", "-m", "headwater.health.chaos.runner")


class _Run:
    def __init__(self, document: ChaosRun, process: Process) -> None:
        self.document = document
        self.process = process
        self.following: asyncio.Task[None] | None = None


class Runs:
    """Begins, follows and stops runs."""

    def __init__(self, control: Path, api: str, keep: Callable[[ChaosRun], None] | None = None) -> None:
        """`control` is the socket at which faults are asked for, `api` the address that the observer looks at; `keep`
        writes a run down that has ended with a report, before anyone is told that it has."""
        self._control = control
        self._api = api
        self._keep = keep
        self._runs: OrderedDict[str, _Run] = OrderedDict()
        self._beginning = asyncio.Lock()

    async def begin(self, question: ChaosQuestion) -> ChaosRun:
        """Begin a run; Rejected when the scenario cannot be, or one is under way, Unavailable without a supervisor."""
        scenario = seeded(read_scenario(question.scenario), question.seed)
        async with self._beginning:
            if running := next((id for id, run in self._runs.items() if run.document.state == "running"), None):
                raise Rejected("chaos-running", f"run {running} is under way: stop it first, or wait for its end")
            faults = faults_of(scenario, await asyncio.to_thread(self._places))
            return await self._start(scenario.seed, faults)

    def known(self) -> list[ChaosRun]:
        """All that are remembered, newest first, without their reports."""
        return [replace(run.document, report=None) for run in reversed(self._runs.values())]

    def get(self, id: str) -> ChaosRun:
        """A run; NotFound when there is none."""
        return self._run(id).document

    def stop(self, id: str) -> None:
        """Have a run heal everything and end; NotFound when there is none."""
        with contextlib.suppress(ProcessLookupError):
            self._run(id).process.terminate()

    async def close(self) -> None:
        """End everything; who runs a scenario heals when it is not followed any more."""
        for run in self._runs.values():
            with contextlib.suppress(ProcessLookupError):
                run.process.terminate()
            if run.following is not None:
                _, late = await asyncio.wait({run.following}, timeout=STOP_S_MAX)
                if late:
                    with contextlib.suppress(ProcessLookupError):
                        run.process.kill()
                    await asyncio.wait(late)

    def _run(self, id: str) -> _Run:
        run = self._runs.get(id)
        if run is None:
            raise NotFound(f"no run of chaos {id[:40]!r} is known here")
        return run

    def _places(self) -> tuple[Place, ...]:
        with contextlib.closing(Control(self._control)) as control:
            return control.places()

    async def _start(self, seed: int, faults: list[Fault]) -> ChaosRun:
        process = await asyncio.create_subprocess_exec(
            *_COMMAND,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=None,
            env=dict(os.environ),
            limit=LINE_BYTES_MAX,
        )
        assert process.stdin is not None
        process.stdin.write(msgspec.json.encode(Task(self._api, str(self._control), seed, faults)) + b"\n")
        id = secrets.token_hex(8)
        run = _Run(ChaosRun(id=id, state="running", count=len(faults), done=0, doing="starting"), process)
        run.following = asyncio.create_task(_follow(run, self._keep))
        self._runs[id] = run
        while len(self._runs) > RUNS_MAX:
            self._runs.popitem(last=False)
        return run.document


async def _follow(run: _Run, keep: Callable[[ChaosRun], None] | None) -> None:
    """Take in what a run says until it ends."""
    process = run.process
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        while line := await process.stdout.readline():
            document = after(run.document, msgspec.json.decode(line, type=Step))
            if keep is not None and document.report is not None:
                await _kept(document, keep)
            run.document = document
    finally:
        process.stdin.close()
        code = await process.wait()
        if run.document.state == "running":
            run.document = replace(
                run.document, state="failed", problem=f"its process ended with code {code}", doing="", now=None
            )


async def _kept(document: ChaosRun, keep: Callable[[ChaosRun], None]) -> None:
    try:
        await asyncio.to_thread(keep, document)
    except OSError as error:
        _logger.warning("the report of run %s of chaos cannot be kept: %s", document.id, error)


def after(document: ChaosRun, step: Step) -> ChaosRun:
    """What is known of a run once it has said a step."""
    over = [step.over] if step.over is not None else []
    return replace(
        document,
        state=step.state,
        done=document.done + len(over),
        now=None if over or step.state != "running" else step.now or document.now,
        recent=[*document.recent, *over][-RECENT_MAX:],
        doing=step.doing if step.doing or step.state != "running" else document.doing,
        last=step.over or document.last,
        problem=step.problem,
        report=step.report,
    )
