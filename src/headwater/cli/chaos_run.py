"""A run of chaos as a client follows it: begun, asked for until it ends, and ended early."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from headwater.client import Client
from headwater.client.calls import Call, posted, reading
from headwater.health.chaos.documents import ChaosQuestion, ChaosRun
from headwater.model.errors import ConfigError, HeadwaterError, NotFound, Unavailable

RUNS = "/v1/chaos/runs"
ASK_EVERY_S = 0.3
END_S_MAX = 30.0
"""How long a run that was stopped may take to heal everything and say what was done."""


def begin(client: Client, server: str, question: ChaosQuestion) -> ChaosRun:
    """Begin a run; ConfigError where the topology does not allow it."""
    try:
        return client.ask(posted(RUNS, question, reading(ChaosRun)))
    except NotFound:
        raise ConfigError(
            f"the topology of {server} does not allow it: put chaos = {{enabled = true}} into its file and start it "
            "with headwater up"
        ) from None


def steps(client: Client, run: ChaosRun) -> Iterator[ChaosRun]:
    """How far a run is, again and again until it has ended; HeadwaterError when it failed."""
    while run.state == "running":
        time.sleep(ASK_EVERY_S)
        run = client.ask(_get(run.id))
        yield run
    if run.state == "failed":
        raise HeadwaterError(run.problem)


def stopped(client: Client, id: str) -> ChaosRun:
    """A run after its end was asked for; Unavailable when it does not come."""
    client.ask(Call(f"{RUNS}/{id}", lambda _: None, method="DELETE"))
    deadline_s = time.monotonic() + END_S_MAX
    while (run := client.ask(_get(id))).state == "running":
        if time.monotonic() > deadline_s:
            raise Unavailable(f"run {id} has not ended within {END_S_MAX:.0f} s")
        time.sleep(ASK_EVERY_S)
    return run


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP do what Ctrl-C does: nothing may stay broken."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _get(id: str) -> Call[ChaosRun]:
    return Call(f"{RUNS}/{id}", reading(ChaosRun))
