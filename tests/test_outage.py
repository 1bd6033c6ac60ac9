"""A next hop that is away for long, and bits that flip in logs, over real processes."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headwater.model.records import Batch, Definition, Kind, Loss, Why
from tests.campaigns.crash import rest_of, run_seed, settle, suffer, wait_for
from tests.campaigns.faults import FOLDERS, Fault, calm
from tests.campaigns.grid import Grid
from tests.campaigns.held import Log, Place, places, read_log
from tests.campaigns.nursery import Nursery
from tests.campaigns.oracle import expected_aggregates
from tests.campaigns.rest import NoAnswer

AWAY_S = 4.0
PATIENCE_S = 60.0
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as held:
        yield held


@pytest.fixture
def grid(tmp_path: Path, nursery: Nursery) -> Iterator[Grid]:
    made = Grid(calm(1), tmp_path / "run", nursery, random.randrange)
    yield made
    made.stop()


@pytest.mark.parametrize("next_hop", ["gatewayC", "endpoint"])
def test_nothing_is_lost_and_order_is_kept_while_a_next_hop_is_away(
    tmp_path: Path, nursery: Nursery, next_hop: str
) -> None:
    away = Fault(0.5, "kill", (next_hop,), AWAY_S)
    plan = calm(2, meters=4, ticks=200, segment_bytes=20_000)._replace(faults=(away,))

    outcome = run_seed(plan, tmp_path / "run", nursery)

    assert outcome.readings > 5_000
    assert not outcome.problems, "\n".join([outcome.story, *outcome.problems])


# ---- one flipped bit -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_one_flipped_bit_costs_one_record_and_that_is_named(grid: Grid, seed: int) -> None:
    rng = random.Random(seed)
    suffer(grid)
    before = settle(grid).endpoint
    halt(grid, "endpoint")
    # Not the last one: how many readings it has is said by its own header only, which the bit may be in.
    place = rng.choice([place for place in in_log(grid, "endpoint") if place.kind in (Kind.DATA, Kind.OUT)][:-1])
    flip(place, rng)
    grid.bring_back(["endpoint", "endpoint/agent"])
    wait_for(grid, grid.now_s + PATIENCE_S, "the loss to be known", lambda: "damaged" in reasons(grid, "000004"))

    after = read_log(grid.data(FOLDERS["endpoint"]))
    missing = {row.record.sequence: row.body for row in before.rows} | {row.record.sequence: None for row in after.rows}
    (lost,) = [body for body in missing.values() if body is not None]
    assert isinstance(lost, Batch)
    assert named(after) == [(place.sequence, place.sequence, lost.count)]
    (told,) = told_losses(grid, "000004")
    assert (told["why"], told["first"], told["last"]) == ("damaged", place.sequence, place.sequence)
    assert told["readings"] == lost.count
    assert values_of(grid, before) == {
        id: None if batch is lost else value for id, (batch, value) in stamped(before).items()
    }


def test_a_flipped_bit_before_readings_were_sent_on_travels_as_a_loss(grid: Grid) -> None:
    rng = random.Random(5)
    grid.keep_away(["gatewayC"])
    wait_for(grid, PATIENCE_S, "the sensors to finish", lambda: grid.sensors_finished)
    halt(grid, "gatewayA")
    place = rng.choice([place for place in in_log(grid, "gatewayA") if place.kind == Kind.DATA][:-1])
    lost = batch_at(read_log(grid.data(FOLDERS["gatewayA"])), place)
    flip(place, rng)
    grid.bring_back(["gatewayA", "gatewayA/agent", "gatewayC"])
    everything = grid.plan.readings - lost.count
    wait_for(grid, PATIENCE_S, "the rest at the endpoint", lambda: delivered(grid).counts()[Kind.DATA] >= everything)
    wait_for(grid, PATIENCE_S, "the loss at the endpoint", lambda: "damaged" in reasons(grid, "000004"))

    endpoint = delivered(grid)
    assert endpoint.counts()[Kind.DATA] == everything
    losses = {row.body for row in endpoint.rows if isinstance(row.body, Loss)}
    log = read_log(grid.data(FOLDERS["gatewayA"])).id
    assert {(loss.log, loss.first, loss.last) for loss in losses} == {(log, place.sequence, place.sequence)}
    assert [loss.readings for loss in losses if loss.why == Why.DAMAGED] == [lost.count]
    assert {loss.readings for loss in losses if loss.why != Why.DAMAGED} <= {0}
    assert expected_aggregates(grid.plan, endpoint).inputs


def test_a_flipped_bit_in_a_name_costs_nothing(grid: Grid) -> None:
    rng = random.Random(6)
    suffer(grid)
    before = settle(grid).endpoint
    halt(grid, "endpoint")
    definition = next(row.record.sequence for row in before.rows if isinstance(row.body, Definition))
    flip(next(place for place in in_log(grid, "endpoint") if place.sequence == definition), rng)
    grid.bring_back(["endpoint", "endpoint/agent"])
    wait_for(grid, grid.now_s + PATIENCE_S, "the loss to be known", lambda: "damaged" in reasons(grid, "000004"))

    assert named(delivered(grid)) == [(definition, definition, 0)]
    assert values_of(grid, before) == {id: value for id, (_, value) in stamped(before).items()}


def halt(grid: Grid, name: str) -> None:
    """kill -9 both processes of a node, and keep them from coming back."""
    both = [name, f"{name}/agent"]
    grid.keep_away(both)
    wait_for(grid, grid.now_s + PATIENCE_S, f"{name} to stop", lambda: not any(map(grid.running, both)))


def in_log(grid: Grid, name: str) -> list[Place]:
    return places(grid.data(FOLDERS[name]))


def flip(place: Place, rng: random.Random) -> None:
    """Flip one bit, anywhere in a record."""
    at = rng.randrange(place.offset, place.end)
    with place.path.open("r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 1 << rng.randrange(8)]))


def delivered(grid: Grid) -> Log:
    return read_log(grid.data(FOLDERS["endpoint"]))


def batch_at(log: Log, place: Place) -> Batch:
    return next(batch for record, batch in log.batches if record.sequence == place.sequence)


def named(log: Log) -> list[tuple[int, int, int]]:
    """What a log names damaged of itself, each once: first and last sequence, readings."""
    losses = [row.body for row in log.rows if isinstance(row.body, Loss) and row.body.log == log.id]
    return sorted({(loss.first, loss.last, loss.readings) for loss in losses})


def told_losses(grid: Grid, node: str) -> list[Any]:
    """What the API says that a node lost."""
    try:
        return list(rest_of(grid).get(f"/v1/losses?node={node}"))
    except NoAnswer:
        return []


def reasons(grid: Grid, node: str) -> set[str]:
    return {loss["why"] for loss in told_losses(grid, node)}


def stamped(log: Log) -> dict[str, tuple[Batch, float]]:
    """Every data point of a log by its id, with its batch."""
    return {
        str(batch.stamp.run.at(at)): (batch, value.value)
        for _, batch in log.batches
        if batch.stamp is not None
        for at, value in enumerate(log.values(batch))
    }


def values_of(grid: Grid, log: Log) -> dict[str, float | None]:
    """The values that the API gives for the data points of a log; None for one that it calls damaged."""
    ids = list(stamped(log))
    answers = rest_of(grid).post("/v1/lineage", {"ids": ids, "detail": True, "values": True})
    assert all(answer["found"] for answer in answers)
    own = [answer["points"][0] for answer in answers]
    assert {point.get("valueState", "damaged") for point in own} == {"damaged"}
    return {point["id"]: point.get("value") for point in own}
