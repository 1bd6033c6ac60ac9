"""What has to hold once everything has come back and arrived; each check gives sentences of what does not."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from headwater.emulator.generator import generate_household
from headwater.emulator.ticks import Replay
from headwater.model.ids import IdRun
from headwater.model.records import Batch, Loss, Position
from headwater.model.stamp import OriginKind
from tests.campaigns.child import Disordered
from tests.campaigns.faults import NODES, Plan
from tests.campaigns.grid import START_MS
from tests.campaigns.held import Journal, Log, Value, bits_of
from tests.campaigns.oracle import Expected, Source, expected_aggregates, sourced
from tests.campaigns.rest import Rest

IDS_A_QUESTION = 1_000
SHOWN_MAX = 5
REPORTS_S_MAX = 5.0
UPSTREAMS = {"gatewayC": ("gatewayA", "gatewayB"), "endpoint": ("gatewayC",)}


class Final(NamedTuple):
    """Everything that a run leaves."""

    plan: Plan
    journals: dict[str, Journal]
    logs: dict[str, Log]
    expected: Expected

    @property
    def endpoint(self) -> Log:
        return self.logs["endpoint"]

    @property
    def readings(self) -> int:
        return sum(len(journal.values) for journal in self.journals.values())


def problems_of(final: Final, rest: Rest) -> list[str]:
    """Everything that does not hold."""
    checks: tuple[Callable[[], Iterable[str]], ...] = (
        lambda: _journals(final),
        lambda: _delivered(final),
        lambda: _order(final),
        lambda: _aggregates(final),
        lambda: _hops(final),
        lambda: _nothing_lost(final),
        lambda: _ids(final),
        lambda: _soon(lambda: _accounts(final, rest)),
        lambda: _lineages(final, rest),
        lambda: _values(final, rest),
    )
    return [problem for check in checks for problem in _shortened(check())]


def _shortened(problems: Iterable[str]) -> list[str]:
    found = list(problems)
    rest = [f"... and {len(found) - SHOWN_MAX} more like this"] if len(found) > SHOWN_MAX else []
    return found[:SHOWN_MAX] + rest


# ---- journals and delivery -------------------------------------------------------------------------------------------


def _journals(final: Final) -> Iterator[str]:
    """A killed emulator goes on where it was: the journal holds the replay, each reading once, in order per series."""
    for at, (name, journal) in enumerate(final.journals.items()):
        wanted = by_series(_replayed(final.plan, 1 + 100 * at))
        held = by_series(journal.values)
        yield from (
            f"{name} journalled {key} otherwise than replayed" for key in wanted if held.get(key) != wanted[key]
        )


def _replayed(plan: Plan, first_meter: int) -> Iterator[Value]:
    replay: Replay = generate_household(
        plan.meters, seed=plan.seed, start_ms=START_MS, ticks_max=plan.ticks, first_meter=first_meter
    )
    if plan.disorder_ms:
        replay = Disordered(replay, plan.disorder_ms)
    series = list(replay.series)
    for tick in replay.ticks():
        for number, at_ms, value in zip(tick.series, tick.timestamps.tolist(), tick.values.tolist(), strict=True):
            yield Value(*series[int(number)], at_ms, bits_of(value))


def by_series(values: Iterable[Value]) -> dict[tuple[str, str], list[Value]]:
    found = defaultdict(list)
    for value in values:
        found[value.meter, value.metric].append(value)
    return dict(found)


def _delivered(final: Final) -> Iterator[str]:
    """Every acknowledged reading is in the endpoint's log, exactly once, with its own values."""
    held: Counter[Source] = Counter()
    values: dict[Source, Value] = {}
    for batch in _raw(final.endpoint):
        for source, value in sourced(final.endpoint, batch):
            held[source] += 1
            values[source] = value
    wanted = {
        (journal.source, number): value
        for journal in final.journals.values()
        for number, value in enumerate(journal.values, 1)
    }
    for source, value in wanted.items():
        if held[source] != 1:
            yield f"reading {_shown(source)} {value} is at the endpoint {held[source]} times"
        elif values[source] != value:
            yield f"reading {_shown(source)} {value} is {values[source]} at the endpoint"
    yield from (f"reading {_shown(source)} at the endpoint is of no journal" for source in held if source not in wanted)


def _order(final: Final) -> Iterator[str]:
    """Order per series is kept."""
    arrived = by_series(value for batch in _raw(final.endpoint) for value in final.endpoint.values(batch))
    for journal in final.journals.values():
        for key, values in by_series(journal.values).items():
            if arrived.get(key) != values:
                yield f"the readings of {key} are not in the order of the journal"


def _raw(log: Log) -> list[Batch]:
    return [batch for _, batch in log.batches if batch.origin.kind == OriginKind.SOURCE]


def _made(log: Log) -> list[tuple[Value, str]]:
    """The aggregates in a log with their ids."""
    return [
        (value, str(batch.stamp.run.at(at)))
        for _, batch in log.batches
        if batch.origin.kind == OriginKind.STEP and batch.stamp is not None
        for at, value in enumerate(log.values(batch))
    ]


def _shown(source: Source) -> str:
    return f"{source[0].hex()}/{source[1]}"


# ---- aggregates ------------------------------------------------------------------------------------------------------


def _aggregates(final: Final) -> Iterator[str]:
    """Each window that has readings is there exactly once, with the exact value."""
    made = Counter(value for value, _ in _made(final.endpoint))
    wanted = final.expected.inputs
    for value in wanted:
        if made[value] != 1:
            yield f"aggregate {value} {value.value} of {len(wanted[value])} readings is there {made[value]} times"
    yield from (
        f"aggregate {value} {value.value} is at the endpoint and should not be"
        for value in made - Counter(wanted.keys())
    )
    if not final.plan.disorder_ms:
        yield from (f"reading {_shown(source)} was late although all came in order" for source in final.expected.late)


# ---- logs ------------------------------------------------------------------------------------------------------------


def _hops(final: Final) -> Iterator[str]:
    """No sequence ever means two things: what a hop took from a sequence is what that sequence holds."""
    for name, upstreams in UPSTREAMS.items():
        sent = {
            Position(final.logs[upstream].id, record.sequence): batch
            for upstream in upstreams
            for record, batch in final.logs[upstream].batches
        }
        for record, batch in final.logs[name].batches:
            theirs = sent.get(record.upstream) if record.upstream else None
            if theirs is not None and _carried(theirs) != _carried(batch):
                yield f"record {record.sequence} of {name} is not what {record.upstream} holds"
        yield from (f"{name} holds {taken} out of order" for taken in _unordered(final.logs[name]))


def _carried(batch: Batch) -> tuple[object, ...]:
    return batch.origin, batch.entry, batch.count, batch.payload


def _unordered(log: Log) -> Iterator[Position]:
    newest: dict[bytes, int] = {}
    before = None
    for row in log.rows:
        upstream = row.record.upstream
        if upstream is None:
            continue
        copy = before is not None and before.body == row.record.body and before.upstream == upstream
        if upstream.sequence < newest.get(upstream.log, 0) + (not copy):
            yield upstream
        newest[upstream.log], before = upstream.sequence, row.record


def _nothing_lost(final: Final) -> Iterator[str]:
    """None of these faults takes anything that was synced, so no log names a loss or holds anything unsound."""
    for name, log in final.logs.items():
        if log.unsound:
            yield f"{name} holds {log.unsound} stretches that are no record"
        yield from (
            f"{name} names a loss: {row.body}"
            for row in log.rows
            if isinstance(row.body, Loss) and not _dropped(row.body)
        )


def _dropped(loss: Loss) -> bool:
    """Whether a segment went as it may: everyone had it."""
    return loss.whole is not None and not loss.link and not loss.stamps


def _ids(final: Final) -> Iterator[str]:
    """No id is given twice, in any log."""
    for name, log in final.logs.items():
        runs = sorted(
            (batch.stamp.run for _, batch in log.batches if batch.stamp is not None), key=lambda run: run.start
        )
        yield from (
            f"{name} gave {run} although {before} was given" for before, run in pairwise(runs) if _over(before, run)
        )
        yield from (f"{name} gave {run} of another node" for run in runs if run.node != log.node)


def _over(before: IdRun, run: IdRun) -> bool:
    return run.start < before.end


# ---- what the API says -----------------------------------------------------------------------------------------------


def stamps_expected(readings: int, aggregates: int) -> int:
    """One data point per reading and hop: three, and an aggregate has two."""
    return 3 * readings + 2 * aggregates


class Counts(NamedTuple):
    """Readings of a node."""

    received: int
    """That came in."""
    sent: int
    """That went on."""


def counts_expected(readings: int, aggregates: int) -> dict[str, Counts]:
    """What each node says at the end. Both groups of sensors send as much, and gatewayC adds the aggregates."""
    half, everything = readings // 2, readings + aggregates
    counts = (Counts(half, half), Counts(half, half), Counts(readings, everything), Counts(everything, 0))
    return dict(zip(NODES, counts, strict=True))


def _soon(check: Callable[[], Iterator[str]]) -> list[str]:
    """What still does not hold when reports that were on their way have come."""
    deadline_s = time.monotonic() + REPORTS_S_MAX
    while (found := list(check())) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    return found


def _accounts(final: Final, rest: Rest) -> Iterator[str]:
    """What was received, sent and stored adds up on every link, and nothing was refused on the way."""
    aggregates = len(final.expected.inputs)
    stats = {stat["name"]: stat for stat in rest.get("/v1/cluster/stats?detail=true")}
    for name, right in counts_expected(final.readings, aggregates).items():
        stat = stats[name]
        said = Counts(stat["received"], stat["sent"])
        if said != right:
            yield f"{name} says {said} where {right} is right"
        if stat["shipped"] < stat["durable"]:
            yield f"{name} shipped up to {stat['shipped']} of {stat['durable']}"
    totals = rest.get("/v1/totals")
    stamps = stamps_expected(final.readings, aggregates)
    if (totals["stamps"], totals["conflicts"], totals["refused"]) != (stamps, 0, {}):
        yield f"the store has {totals}, where {stamps} stamps and nothing refused are right"
    yield from (f"the store was alarmed: {alarm}" for alarm in rest.get("/v1/alarms"))


def _lineages(final: Final, rest: Rest) -> Iterator[str]:
    """Every data point at the endpoint leads to exactly the readings it was made from."""
    wanted: dict[str, set[Source]] = {}
    named: dict[Source, Value] = {}
    for batch in _raw(final.endpoint):
        if batch.stamp is None:
            yield f"a batch at the endpoint has no stamp: {batch.origin}"
            continue
        for at, (source, value) in enumerate(sourced(final.endpoint, batch)):
            wanted[str(batch.stamp.run.at(at))] = {source}
            named[source] = value
    wanted |= {id: final.expected.inputs.get(value, set()) for value, id in _made(final.endpoint)}
    for answer in _ask(rest, list(wanted)):
        yield from _lineage(answer, wanted[answer["id"]], named)


def _ask(rest: Rest, ids: list[str]) -> Iterator[Any]:
    at, most = 0, IDS_A_QUESTION
    while at < len(ids):
        yield from rest.post("/v1/lineage", {"ids": ids[at : at + most], "detail": True})
        at += most


def _lineage(answer: Any, wanted: set[Source], named: dict[Source, Value]) -> Iterator[str]:
    points = answer["points"]
    missing = [point for point in points if "context" not in point]
    if missing or not answer["found"]:
        yield f"the lineage of {answer['id']} has gaps: {missing or 'all of it'}"
        return
    firsts = [point for point in points if "inputDatapoints" not in point]
    sources = {(bytes.fromhex(point["origin"]["stream"]), point["origin"]["number"]) for point in firsts}
    if sources != wanted or len(firsts) != len(wanted):
        yield f"the lineage of {answer['id']} leads to {_some(sources)} instead of {_some(wanted)}"
        return
    for point in firsts:
        source = (bytes.fromhex(point["origin"]["stream"]), point["origin"]["number"])
        context, value = point["context"], named[source]
        told = (context.get("meterId"), context.get("metricId"), context.get("timestamp"), point["origin"]["kind"])
        if told != (value.meter, value.metric, value.timestamp, "source"):
            yield f"the lineage of {answer['id']} calls {_shown(source)} {told} instead of {value}"


def _some(sources: set[Source]) -> str:
    return ", ".join(map(_shown, sorted(sources)[:5])) + (f" and {len(sources) - 5} more" if len(sources) > 5 else "")


def _values(final: Final, rest: Rest) -> Iterator[str]:
    """The values that nodes answer by id are those of the journal."""
    rows = [
        (str(batch.stamp.run.at(batch.count - 1)), final.endpoint.values(batch)[-1].value)
        for _, batch in final.endpoint.batches
        if batch.stamp is not None
    ]
    chosen = dict(rows[:: max(1, len(rows) // 20)])
    answers = rest.post("/v1/lineage", {"ids": list(chosen), "detail": True, "values": True})
    for answer in answers:
        own, *_ = answer["points"]
        wanted = chosen[answer["id"]]
        way = [point for point in answer["points"] if point.get("origin") == own["origin"]]
        told = {point["id"]: point.get("value", point.get("valueState")) for point in way}
        if told[own["id"]] != wanted or any(value not in (wanted, "expired") for value in told.values()):
            yield f"the values on the way of {own['id']}, which has {wanted}, are said to be {told}"


def final_of(plan: Plan, journals: dict[str, Journal], logs: dict[str, Log]) -> Final:
    """What is to be checked."""
    return Final(plan, journals, logs, expected_aggregates(plan, logs["endpoint"]))
