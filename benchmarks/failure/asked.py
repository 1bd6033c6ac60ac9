"""A campaign in a topology that runs already: its own chaos API puts the faults in, and its observer judges them."""

from collections.abc import Callable, Sequence

from benchmarks.failure.faults import KINDS, Subject
from benchmarks.failure.judging import Fate, Findings, Kind
from benchmarks.failure.report import Report
from benchmarks.grid.outside import RUNNING, client_of, where
from headwater.cli.chaos import told
from headwater.cli.chaos_run import begin, interrupted_by_signals, steps, stopped
from headwater.client import Client
from headwater.health.chaos.documents import ChaosFault, ChaosKind, ChaosQuestion, ChaosReport, ChaosRun
from headwater.model.errors import HeadwaterError

WAYS = {
    "node": ("kill-node", "pause-node"),
    "link": ("cut-link", "refuse-link"),
    "pipeline": ("kill-pipeline", "pause-pipeline"),
    "provenance": ("kill-provenance", "pause-provenance"),
}
FOR_S_MAX = 15.0
"""A fault is healed then, told or not."""

Say = Callable[[str], None]


def scenario_of(kinds: Sequence[str], count: int) -> dict[str, object]:
    """So many faults of each kind, its ways in turn, at places drawn by the seed."""
    ways = [WAYS[kind][turn] for turn in (0, 1) for kind in kinds]
    drawn = {"kinds": ways, "even": True, "count": count * len(kinds), "for_s": FOR_S_MAX, "until_told": True}
    return {"random": drawn}


def run(server: str, kinds: Sequence[str], count: int, seed: int, say: Say) -> Report:
    """Put faults in and report; ConfigError where chaos is not enabled, Unavailable when nobody answers."""
    with client_of(server) as client, interrupted_by_signals():
        if "link" in kinds and not any(node.successor for node in client.topology()):
            say("no link between nodes: none is broken")
            kinds = [kind for kind in kinds if kind != "link"]
        if not kinds or not count:
            raise HeadwaterError("there is nothing to break: another kind is needed, and at least one fault of each")
        begun = begin(client, server, ChaosQuestion(scenario_of(kinds, count), seed))
        try:
            ended = _followed(client, begun, say)
        except KeyboardInterrupt:
            say("healing everything ...")
            ended = stopped(client, begun.id)
    if ended.report is None:
        raise HeadwaterError(f"run {ended.id} ended without a report: {ended.problem or ended.state}")
    return report_of(ended.report, where(server), ended.count)


def _followed(client: Client, run: ChaosRun, say: Say) -> ChaosRun:
    shown = 0
    for run_now in steps(client, run):
        run = run_now
        if run.last is not None and run.last.number > shown:
            shown = run.last.number
            say(f"{shown} of {run.count}: {told(run.last).strip()}")
    return run


def report_of(made: ChaosReport, place: str, planned: int) -> Report:
    """The report of a run of chaos in the form of a campaign's. Pure."""
    done = [fault for fault in made.faults if not fault.problem]
    unhealed = [f"{one.fault.kind} {one.fault.target}" for one in done if one.recovered_s is None]
    skipped = [
        f"{one.fault.kind} {one.fault.target} was not put in: {one.problem}" for one in made.faults if one.problem
    ]
    early = [f"{planned - len(made.faults)} faults were not reached"] if len(made.faults) < planned else []
    longest_ms = made.observer.gap_max_ms
    return Report(
        where=place,
        shape=RUNNING,
        seed=made.seed,
        kinds={kind: _kind(made.kinds[kind]) for kind in KINDS if kind in made.kinds},
        false_alarms=made.false_alarms,
        readings_lost=made.readings_lost + made.undelivered,
        readings_sent=None,
        readings_doubled=None,
        findings=Findings(
            {kind: _kind(one) for kind, one in made.ways.items()}, made.false_alarms, made.false, 0, [*map(_fate, done)]
        ),
        asked_per_s=made.observer.looks / made.lasted_s if made.lasted_s else 0.0,
        longest_gap_s=(longest_ms or 0) / 1000,
        seconds=made.lasted_s,
        unhealed="; ".join([*unhealed, *skipped, *early]),
    )


def _kind(one: ChaosKind) -> Kind:
    return Kind(
        injected=one.injected,
        detected=one.detected,
        wrong_kind=one.wrong_kind,
        p50_s=one.p50_s,
        p99_s=one.p99_s,
        max_s=one.max_s,
        min_s=one.min_s,
        recovery_p50_s=one.recovery_p50_s,
    )


def _fate(fault: ChaosFault) -> Fate:
    kind = fault.fault.expected.value if fault.fault.expected is not None else ""
    subject = Subject(kind, fault.fault.target)
    return Fate(kind, fault.fault.kind, subject, fault.detected_s, "; ".join(fault.wrong), fault.recovered_s)
