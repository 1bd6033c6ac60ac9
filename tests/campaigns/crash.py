"""The crash campaign: a fork of real processes is killed in all ways, and has to come back with everything exact.

    python -m tests.campaigns.crash --seeds 1000 --from 1

Prints each seed that fails with its schedule of faults, keeps its folder, and ends with 1.
"""

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from headwater.model.records import Kind
from tests.campaigns.check import Final, counts_expected, final_of, problems_of, stamps_expected
from tests.campaigns.faults import FOLDERS, NODES, SENSORS, Fault, Plan, draw, draw_long
from tests.campaigns.grid import Grid
from tests.campaigns.held import Journal, Log, Shown, read_journal, read_log, read_shown, read_source, sent_by
from tests.campaigns.nursery import Nursery
from tests.campaigns.oracle import expected_aggregates
from tests.campaigns.rest import NoAnswer, Rest

SETTLE_S_MAX = 120.0
BEHIND_PART_MAX = 0.25
"""How much longer than planned sensors may send: they keep their pace, so what they miss while down adds up."""
TURN_S = 0.05
FAILURES_MAX = 20
AWAY_S = 3.0
"""How long after the last fault something may still be away because of one."""
DRAIN_EVERY_S = 1.5
HEAL_S_MAX = 120.0
"""Verdicts stay Yellow the longer, the more often something failed: for half a minute at most."""
_PARTS = ("node", "pipeline", "provenance")


class Outcome(NamedTuple):
    """How the run of a seed ended."""

    seed: int
    problems: list[str]
    story: str
    """Its plan and what happened."""
    readings: int
    aggregates: int
    deaths: int
    seconds: float
    died_at: list[str]
    """The points in the code where processes died as planned."""


class NotSettled(Exception):
    """Not everything arrived in time."""


def run_seed(
    plan: Plan,
    folder: Path,
    nursery: Nursery,
    choose: Callable[[int, int], int] = random.randrange,
    heals: bool = False,
) -> Outcome:
    """Run a plan in a folder that is not there yet; leaves no process. `heals`: everything must be Green in the end."""
    began_s = time.monotonic()
    grid = Grid(plan, folder, nursery, choose)
    problems: list[str] = []
    final: Final | None = None
    try:
        suffer(grid)
        grid.note("calm")
        final = settle(grid)
        grid.note("settled")
        problems = problems_of(final, rest_of(grid)) + (_unhealed(grid) if heals else [])
    except (NotSettled, NoAnswer, AssertionError) as error:
        problems = [f"{type(error).__name__}: {error}"]
    except Exception:
        problems = [f"the check itself broke: {traceback.format_exc()}"]
    finally:
        grid.stop()
    return Outcome(
        seed=plan.seed,
        problems=problems + list(dict.fromkeys(grid.failures)),
        story="\n".join([plan.describe(), *grid.events]),
        readings=final.readings if final else 0,
        aggregates=len(final.expected.inputs) if final else 0,
        deaths=sum(max(0, process.lives - 1) for process in grid.processes.values()),
        seconds=time.monotonic() - began_s,
        died_at=grid.died_at,
    )


def _unhealed(grid: Grid) -> list[str]:
    """What is not Green again some time after the last fault, although nothing fails any more."""
    deadline_s = grid.now_s + HEAL_S_MAX
    while (unwell := _unwell(rest_of(grid).get("/v1/cluster/health"))) and grid.now_s < deadline_s:
        grid.turn(TURN_S)
    return unwell


def _unwell(health: dict[str, Any]) -> list[str]:
    judged = {f"{part} {node['name']}": node[part] for node in health["nodes"] for part in _PARTS}
    judged |= {f"link {link['source']} to {link.get('target')}": link["link"] for link in health["links"]}
    return [f"{what} is {one['health']}: {one['evidence']}" for what, one in judged.items() if one["health"] != "Green"]


def rest_of(grid: Grid) -> Rest:
    return Rest(grid.topology.server.listen)


def suffer(grid: Grid) -> None:
    """Let the faults come as planned."""
    left = list(grid.plan.faults)
    last_s = max([grid.plan.ticks * grid.plan.frequency_ms / 1000, *(fault.at_s for fault in left)])
    while grid.now_s < last_s:
        grid.turn(TURN_S / 2)
        while left and left[0].at_s <= grid.now_s:
            _let(grid, left.pop(0))
    while (
        any(process.due_s or process.resume_s for process in grid.processes.values()) and grid.now_s < last_s + AWAY_S
    ):
        grid.turn(TURN_S)
    grid.end_faults()


def _let(grid: Grid, fault: Fault) -> None:
    grid.note(f"{fault.what} {', '.join(fault.targets)} for {fault.for_s:.2f} s")
    if fault.what == "power":
        grid.lose_power(fault.targets, fault.for_s)
    elif fault.what == "pause":
        grid.pause(fault.targets[0], fault.for_s)
    else:
        grid.kill(fault.targets, fault.for_s, signal.SIGTERM if fault.what == "stop" else signal.SIGKILL)


# ---- settling --------------------------------------------------------------------------------------------------------


def settle(grid: Grid) -> Final:
    """Wait until everything has arrived everywhere; NotSettled says how it stands when it does not."""
    behind_s = BEHIND_PART_MAX * grid.plan.ticks * grid.plan.frequency_ms / 1000
    wait_for(grid, grid.now_s + SETTLE_S_MAX + behind_s, "the sensors to finish", lambda: grid.sensors_finished)
    deadline_s = grid.now_s + SETTLE_S_MAX
    readings = grid.plan.readings
    wait_for(grid, deadline_s, f"{readings} readings", lambda: _log(grid).counts()[Kind.DATA] >= readings)
    aggregates = len(expected_aggregates(grid.plan, _log(grid)).inputs)
    _drain(grid, deadline_s, aggregates)
    stamps = stamps_expected(readings, aggregates)
    wait_for(grid, deadline_s, f"{stamps} stamps", lambda: _told(grid, "/v1/totals").get("stamps", 0) >= stamps)
    grid.disarm()
    wait_for(grid, deadline_s, "all processes", lambda: grid.settled)
    former = _shown(grid)
    wait_for(grid, deadline_s, "every node to count", lambda: _counted(grid, former, aggregates))
    wait_for(grid, deadline_s, "reports of that", lambda: _reported(grid, aggregates))
    logs = {name: read_log(grid.data(FOLDERS[name])) for name in NODES}
    return final_of(grid.plan, {name: _journal(grid, name, logs["endpoint"]) for name in SENSORS}, logs)


def _journal(grid: Grid, name: str, endpoint: Log) -> Journal:
    """What a group of sensors has sent: as it says itself, or as it was numbered when it does not keep its journal."""
    folder = grid.data(FOLDERS[name])
    return read_journal(folder) if grid.plan.keep_journal else sent_by(read_source(folder), endpoint)


def wait_for(grid: Grid, deadline_s: float, what: str, holds: Callable[[], bool]) -> None:
    """Go on until something holds; NotSettled when it does not in time, or processes end unasked all the time."""
    while not holds():
        grid.turn(TURN_S)
        if grid.now_s > deadline_s or len(grid.failures) > FAILURES_MAX:
            raise NotSettled(f"waited in vain for {what}\n{_standing(grid)}")


def _drain(grid: Grid, deadline_s: float, aggregates: int) -> None:
    again_s = 0.0

    def drained() -> bool:
        nonlocal again_s
        if _log(grid).counts()[Kind.OUT] >= aggregates:
            return True
        if grid.now_s > again_s:
            again_s = grid.now_s + DRAIN_EVERY_S
            grid.drain("gatewayC")
        return False

    wait_for(grid, deadline_s, f"{aggregates} aggregates", drained)


def _log(grid: Grid) -> Log:
    return read_log(grid.data(FOLDERS["endpoint"]))


def _told(grid: Grid, path: str) -> dict[str, int]:
    try:
        answer = rest_of(grid).get(path)
    except NoAnswer:
        return {}
    return answer if isinstance(answer, dict) else {}


def _shown(grid: Grid) -> dict[str, Shown]:
    return {name: read_shown(grid.data(FOLDERS[name])) for name in NODES}


def _counted(grid: Grid, former: dict[str, Shown], aggregates: int) -> bool:
    """Whether every gateway that runs now has counted everything: reports may still be of one that was killed."""
    right = counts_expected(grid.plan.readings, aggregates)
    return all(
        shown.progress_ms != former[name].progress_ms
        and shown.received >= right[name].received
        and shown.sent >= right[name].sent
        for name, shown in _shown(grid).items()
    )


def _reported(grid: Grid, aggregates: int) -> bool:
    """Whether every node has reported that it has everything, and that all of it is shipped and sent."""
    try:
        stats = rest_of(grid).get("/v1/cluster/stats?detail=true")
    except NoAnswer:
        return False
    right = counts_expected(grid.plan.readings, aggregates)
    return len(stats) == len(NODES) and all(
        stat.get("unshipped", 1) == 0
        and stat["received"] >= right[stat["name"]].received
        and stat["sent"] >= right[stat["name"]].sent
        for stat in stats
    )


def _standing(grid: Grid) -> str:
    """What can be said of a run that does not settle."""
    lines = [f"{process.name}: pid {process.pid}, lives {process.lives}" for process in grid.processes.values()]
    for name in (*NODES, *SENSORS):
        folder = grid.data(FOLDERS[name])
        if name in NODES and folder.exists():
            log = read_log(folder)
            last = log.rows[-1].record.sequence if log.rows else 0
            lines.append(f"{name}: {dict(log.counts())}, last {last}, unsound {log.unsound}")
    for path in ("/v1/totals", "/v1/cluster/stats?detail=true", "/v1/alarms", "/v1/losses"):
        try:
            lines.append(f"{path}: {rest_of(grid).get(path)}")
        except NoAnswer as error:
            lines.append(str(error))
    for output in sorted(grid.output.iterdir()):
        lines += [f"-- {output.name}", *output.read_text(errors="replace").splitlines()[-6:]]
    return "\n".join(lines)


# ---- the command -----------------------------------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> int:
    """Run seeds; 1 when one of them fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.crash", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="how many (1)")
    parser.add_argument("--from", type=int, default=1, metavar="S", dest="first", help="the first of them (1)")
    parser.add_argument("--long", type=float, metavar="S", help="one long run of so many seconds for each seed")
    parser.add_argument("--stop", action="store_true", help="end with the first that fails")
    parser.add_argument("--keep", action="store_true", help="keep the folders of all seeds")
    given = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="headwater-crash-"))
    outcomes = []
    with Nursery() as nursery:
        for seed in range(given.first, given.first + given.seeds):
            plan = draw(seed) if given.long is None else draw_long(seed, given.long)
            outcome = run_seed(plan, folder / f"seed-{seed}", nursery, heals=given.long is not None)
            outcomes.append(outcome)
            _print(outcome, folder)
            if not (outcome.problems or given.keep):
                shutil.rmtree(folder / f"seed-{seed}")
            if outcome.problems and given.stop:
                break
    failed = [outcome.seed for outcome in outcomes if outcome.problems]
    if not (failed or given.keep):
        folder.rmdir()
    _summarise(outcomes, failed)
    return 1 if failed else 0


def _print(outcome: Outcome, folder: Path) -> None:
    if outcome.problems:
        print(f"seed {outcome.seed} FAILED, kept in {folder / f'seed-{outcome.seed}'}\n{outcome.story}")
        print("\n".join(f"  * {problem}" for problem in outcome.problems), flush=True)
    else:
        counted = f"{outcome.readings} readings, {outcome.aggregates} aggregates, {outcome.deaths} restarts"
        print(f"seed {outcome.seed}: exact in {outcome.seconds:.1f} s; {counted}", flush=True)


def _summarise(outcomes: list[Outcome], failed: list[int]) -> None:
    readings, deaths = (sum(column) for column in zip(*((one.readings, one.deaths) for one in outcomes), strict=True))
    seconds = sum(one.seconds for one in outcomes)
    print(
        f"{len(outcomes)} seeds in {seconds:.0f} s: {readings} readings, {deaths} restarts, {len(failed)} seeds failed"
    )
    points = Counter(point for one in outcomes for point in one.died_at)
    print(f"died at {', '.join(f'{point} ({count})' for point, count in points.most_common())}")
    if failed:
        print(f"failed: {', '.join(map(str, failed))}")


if __name__ == "__main__":
    sys.exit(main())
