"""A recorder's log through crashes at any step of the disk, without its thread: everything follows from the seed."""

import random
from collections.abc import Callable

import pytest

from headwater.capture.intake import Intake
from headwater.capture.levels import OUTERMOST, Level
from headwater.capture.options import recorder_options
from headwater.capture.points import Points
from headwater.capture.policy import place_of
from headwater.capture.values import runs_of
from headwater.model.errors import NotFound, Unavailable
from headwater.model.ids import DataPointId
from headwater.model.reading import SeriesKey
from headwater.model.records import Kind
from headwater.model.stamp import input_ids, inputs_of
from headwater.wire.records import decode_batch
from tests.capture.laboratory import NODE, NOW_MS
from tests.simulation.disk import Crash, DiskError, Operation, SimDisk

LEVELS = (OUTERMOST, Level(place_of(recorder_options)), Level(application="meters"))
OPTIONS = recorder_options("nowhere", NODE, {"segment_bytes": 64 << 10, "log_bytes_max": 2 << 20})


class World:
    """A program that records and derives, dies at any moment, and starts again; the clock goes as it likes."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.disk = SimDisk()
        self.now_ms = NOW_MS
        self.given: dict[int, tuple[float, list[DataPointId]]] = {}
        """Every id that was ever given out, also those whose value was lost."""
        self.waiting: set[int] = set()
        """Given out by the process that runs."""
        self.durable: set[int] = set()
        self.steps_left = 0
        self.crashes = 0
        self.open()

    def open(self) -> None:
        while True:
            self.steps_left = self.rng.choice((self.rng.randint(1, 20), self.rng.randint(1, 150)))
            self.disk.on_operation = self.step
            try:
                self.intake = Intake(OPTIONS, self.disk, lambda: self.now_ms)
                self.points = Points(self.disk, self.intake.log)
                return
            except Crash:
                self.die()
            except Unavailable:
                self.disk = self.disk.kill()

    def step(self, operation: Operation) -> None:
        if operation.kind in ("write", "datasync", "rename") and not operation.done and self.rng.random() < 0.01:
            raise DiskError(28, f"no space for {operation}", written=self.rng.choice((0, 50)))
        if self.steps_left == 1:
            raise Crash("here", written=self.rng.choice((0, 3, 500)))
        self.steps_left -= 1

    def die(self) -> None:
        self.crashes += 1
        self.waiting.clear()
        self.disk = self.disk.power_loss(self.rng) if self.rng.random() < 0.5 else self.disk.kill()

    def run(self, steps: int) -> None:
        for _ in range(steps):
            try:
                self.rng.choice((self.take, self.take, self.take, self.commit, self.let_the_clock_go))()
            except Crash:
                self.die()
                self.open()
                self.check()
        self.disk.on_operation = None
        self.check()

    def take(self) -> None:
        for _ in range(self.rng.choice((1, 5, 60))):
            if not self.intake.room:
                return
            back = list(self.given)[-self.rng.randint(1, 50) :]
            inputs = [self.point(each) for each in self.rng.sample(back, min(len(back), self.rng.randint(0, 4)))]
            if not all(self.intake.given(point.ordinal) for point in inputs):
                inputs = []
            self.note(self.rng.random(), inputs)

    def note(self, value: float, inputs: list[DataPointId]) -> None:
        kind = Kind.OUT if inputs else Kind.DATA
        maker = self.intake.maker(kind, self.rng.choice(LEVELS), "sum" if inputs else "")
        behind = max((point.ordinal for point in inputs), default=0)
        ordinal = self.intake.add(maker, SeriesKey("m", "x"), 0, value, runs_of(inputs), behind)
        assert ordinal not in self.given, "an id means two things"
        self.given[ordinal] = value, inputs
        self.waiting.add(ordinal)

    def point(self, ordinal: int) -> DataPointId:
        return DataPointId(OPTIONS.node, ordinal)

    def commit(self) -> None:
        self.intake.prepare()
        try:
            self.intake.commit()
        except Unavailable:
            return
        self.intake.settle()
        self.durable |= self.waiting

    def let_the_clock_go(self) -> None:
        self.now_ms += self.rng.choice((1, 500, 30_000, -20_000, -3_600_000, 7_200_000))

    def check(self) -> None:
        held = {ordinal: found for ordinal in self.given if (found := self.found(ordinal)) is not None}
        assert self.durable <= held.keys(), "what a commit made durable is gone"
        assert all(found == self.given[ordinal] for ordinal, found in held.items()), "an id means something else"
        self.durable |= held.keys()

    def found(self, ordinal: int) -> tuple[float, list[DataPointId]] | None:
        try:
            held, position = self.points.find(ordinal)
        except NotFound:
            return None
        return float(held.columns.values[position]), list(held.inputs(position))


@pytest.mark.parametrize("seed", range(30))
def test_whatever_crashes_what_is_durable_stays_and_no_id_means_two_things(seed: int) -> None:
    World(seed).run(60)


def test_these_worlds_do_crash() -> None:
    worlds = [World(seed) for seed in range(5)]
    for world in worlds:
        world.run(60)
    assert sum(world.crashes for world in worlds) > 10
    assert all(world.durable for world in worlds)


def test_ids_are_only_given_out_once_they_are_reserved() -> None:
    disk, clock = SimDisk(), [NOW_MS]
    intake = Intake(OPTIONS, disk, lambda: clock[0])
    for step_ms in (0, 3_600_000):
        clock[0] += step_ms
        maker = intake.maker(Kind.DATA, OUTERMOST)
        unsynced = {intake.add(maker, SeriesKey("m", "x"), 0, 0.0) for _ in range(3000)}
        clock[0] -= 86_400_000
        disk = disk.kill()
        intake = Intake(OPTIONS, disk, lambda: clock[0])
        again = {intake.add(intake.maker(Kind.DATA, OUTERMOST), SeriesKey("m", "x"), 0, 0.0) for _ in range(3000)}
        assert not unsynced & again
        intake.prepare()
        intake.commit()
        intake.settle()


def refusing(kind: str) -> Callable[[Operation], None]:
    """A disk that refuses one kind of step."""

    def step(operation: Operation) -> None:
        if operation.kind == kind and not operation.done:
            raise DiskError(28, "no space left on device")

    return step


def test_ids_that_a_failed_commit_was_to_reserve_are_not_given_out() -> None:
    disk, clock = SimDisk(), [NOW_MS]
    intake = Intake(OPTIONS, disk, lambda: clock[0])
    clock[0] += 3_600_000
    disk.on_operation = refusing("create")
    intake.prepare()
    with pytest.raises(Unavailable):
        intake.commit()
    key = SeriesKey("m", "x")
    unsynced = {intake.add(intake.maker(Kind.DATA, OUTERMOST), key, 0, 0.0) for _ in range(100)}
    intake = Intake(OPTIONS, disk.kill(), lambda: clock[0])
    assert not unsynced & {intake.add(intake.maker(Kind.DATA, OUTERMOST), key, 0, 0.0) for _ in range(100)}


def test_what_is_written_and_not_synced_is_not_answered() -> None:
    disk = SimDisk()
    intake = Intake(OPTIONS, disk, lambda: NOW_MS)
    points = Points(disk, intake.log)
    ordinal = intake.add(intake.maker(Kind.DATA, OUTERMOST), SeriesKey("m", "x"), 0, 0.0)
    intake.prepare()
    disk.on_operation = refusing("datasync")
    with pytest.raises(Unavailable):
        intake.commit()
    with pytest.raises(NotFound):
        points.find(ordinal)
    disk.on_operation = None
    intake.commit()
    assert points.find(ordinal)[1] == 0


def test_a_value_is_never_in_the_log_without_its_inputs() -> None:
    disk = SimDisk()
    intake = Intake(OPTIONS, disk, lambda: NOW_MS)
    last = intake.add(intake.maker(Kind.DATA, OUTERMOST), SeriesKey("m", "x"), 0, 0.0)
    for turn in range(200):
        maker = intake.maker(Kind.OUT, OUTERMOST, f"turn {turn % 5}")
        last = intake.add(maker, SeriesKey("m", "y"), 0, 0.0, runs_of([DataPointId(OPTIONS.node, last)]), last)
    intake.prepare()
    intake.commit()
    seen = 0
    for record in intake.log.reader(0).read(1000).records:
        if record.kind in (Kind.DATA, Kind.OUT):
            stamp = decode_batch(record).stamp
            assert stamp is not None
            assert stamp.run.start >= seen
            for position in range(stamp.run.count):
                assert all(
                    point.ordinal < stamp.run.start + position for point in input_ids(inputs_of(stamp, position))
                )
            seen = stamp.run.end
    assert seen == last + 1
