"""What the API says of runs of chaos, field by field; reports are written to files in the same form."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from headwater.health.chaos.scenario import Fault


class ChaosQuestion(msgspec.Struct, forbid_unknown_fields=True):
    """What to do."""

    scenario: Mapping[str, Any]
    """As in a scenario file."""
    seed: Annotated[int, Meta(ge=0)] | None = None
    """Instead of the scenario's own."""


class ChaosFault(msgspec.Struct, kw_only=True):
    """A fault that is over, and how it was noticed; times are seconds on the observer's monotonic clock."""

    number: int
    fault: Fault
    injected_s: float
    """Since the run began."""
    detected_s: float | None = None
    """From the injection to the first alarm that names it; None when there was none before it was healed."""
    wrong: list[str] = []
    """Alarms that name something else, with the time since the injection."""
    recovered_s: float | None = None
    """From the healing until nothing was Red any more; None when that did not come."""
    problem: str = ""
    """Why it could not be put in; then it counts for nothing."""


class ChaosNow(msgspec.Struct, kw_only=True):
    """The fault that is under way, and how it was noticed so far."""

    number: int
    fault: Fault
    stage: Literal["before", "in", "healed"]
    """Before it is put in, while it is in, and healed but not recovered from."""
    detected_s: float | None = None
    """From the injection to the first alarm that names it; None as long as there was none."""
    wrong: list[str] = []
    """Alarms that name something else, with the time since the injection."""


class ChaosKind(msgspec.Struct, kw_only=True):
    """Faults of one kind together."""

    injected: int
    detected: int
    wrong_kind: int
    """Faults with an alarm that names something else."""
    min_s: float | None
    p50_s: float | None
    p95_s: float | None
    p99_s: float | None
    max_s: float | None
    recovery_p50_s: float | None
    recovery_max_s: float | None


class ChaosObserver(msgspec.Struct, kw_only=True):
    """How closely the observer looked."""

    looks: int
    failed: int
    """Looks that were not answered."""
    gap_p99_ms: int | None
    """Between two answers: detection times are no finer than this."""
    gap_max_ms: int | None


class ChaosReport(msgspec.Struct, kw_only=True):
    """What a run has shown."""

    seed: int
    begun_ms: int
    lasted_s: float
    kinds: dict[str, ChaosKind]
    """By what has to be told of a fault: node, link, pipeline, provenance."""
    ways: dict[str, ChaosKind]
    """By kind of fault."""
    false_alarms: int
    """Alarms while nothing was wrong."""
    false: list[str]
    """Their subjects, with the time since the run began."""
    readings_lost: int
    """Named lost during the run, or dropped on a link; what is damaged in a log that the run corrupted is not in it."""
    losses: dict[str, int]
    """Readings by why they were named lost during the run."""
    undelivered: int
    """Readings that still waited at the end, after everything had time to be delivered."""
    delivered: int
    """Readings that all links together have passed on during the run."""
    observer: ChaosObserver
    faults: list[ChaosFault]


class ChaosRun(msgspec.Struct, kw_only=True):
    """A run, and how far it is."""

    id: str
    state: Literal["running", "done", "stopped", "failed"]
    count: int
    """Faults in all."""
    done: int
    doing: str
    """What is under way, in words."""
    now: ChaosNow | None = None
    """None between faults."""
    recent: list[ChaosFault] = []
    """The last 50 that are over, newest last; the report has all of them."""
    last: ChaosFault | None = None
    problem: str = ""
    """Why it failed."""
    report: ChaosReport | None = None
    """Of what was done, as soon as it has ended."""
