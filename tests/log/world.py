"""A node log in a simulated world: what was ever visible is remembered, and must stay true whatever crashes."""

import random

from headwater.log.cursors import Cursor, load_cursor, save_cursor
from headwater.log.explained import is_explained, report_damage, take_reports
from headwater.log.ranges import covers, union
from headwater.log.reader import LogReader
from headwater.log.recovery import MARK
from headwater.log.retention import Readers, Retention, RetentionOptions
from headwater.log.segments import SegmentCursor, segment_name
from headwater.log.sent import SentLimit
from headwater.log.survey import body_of
from headwater.log.writer import LogOptions, NodeLog
from headwater.model.errors import Unavailable
from headwater.model.reading import SeriesKey
from headwater.model.records import Batch, Definition, Jump, Kind, Loss, Position, Why
from headwater.model.stamp import Origin, OriginKind, Stamp
from headwater.wire.records import Record
from tests.simulation.disk import Crash, DiskError, Operation, SimDisk

NODE = 7
UPSTREAM = b"upstream"
BUDGET = 600_000
ERRORS = ("create", "write", "datasync", "rename", "unlink", "sync_folder")


class World:
    """One log, its forwarder and its agent, and faults at any step of the disk; everything follows from the seed."""

    def __init__(self, seed: int, *, flips: bool = True, budget: int = BUDGET) -> None:
        self.rng = random.Random(seed)
        self.now = 1_700_000_000_000
        self.budget = budget
        self.drop_oldest = self.rng.random() < 0.5
        self.payload_bytes = self.rng.choice(((10, 100, 2_000), (10, 5_000, 30_000)))
        self.send_rate, self.ship_rate = self.rng.choice((1, 0.05)), self.rng.choice((1, 0.05))
        self.crashes_within = self.rng.choice((60, 300, 2_000))
        self.meaning: dict[int, Record] = {}
        """Every record that was ever visible to anyone."""
        self.ids: dict[int, int] = {}
        """The record of each id that was ever visible."""
        self.let_go: tuple[tuple[int, int], ...] = ()
        """Segments that went with everyone past them."""
        self.named: set[int] = set()
        self.dropped: set[int] = set()
        """What the next hop will not get, by loss records."""
        self.flipped: set[int] = set()
        self.flips = flips
        self.delivered: set[int] = set()
        self.shipped: set[int] = set()
        self.forwarded = self.agent_at = 0
        self.crash_in = 0
        self.operations = 0
        self.events: list[str] = []
        self.disk = SimDisk()
        self.agent_disk = SimDisk(self.disk.storage)
        self.errors_left = 0
        self.open()

    # ---- the machine ---------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Start the node until it starts; it may crash while it recovers."""
        while True:
            self.watch()
            try:
                self.log = NodeLog(self.disk, NODE, lambda: self.now, LogOptions(40_000, self.budget))
                self.sent = SentLimit(self.disk, self.log)
                break
            except Crash:
                self.crash()
            except Unavailable:
                self.events.append("not opened")
                self.disk = self.disk.kill()
        options = RetentionOptions(5_000, self.budget, self.drop_oldest)
        self.retention = Retention(self.log, options, lambda: self.now)
        self.forward = self.log.reader(load_cursor(self.disk, "forward").sequence)
        self.acknowledged = self.forward.after
        self.agent = self.agent_reader()
        self.look()

    def agent_reader(self) -> LogReader:
        disk = self.agent_disk
        self.agent_at = load_cursor(disk, "agent").sequence
        return LogReader(
            disk, self.agent_at, lambda: disk.load_word(MARK), lambda first, last: is_explained(disk, first, last)
        )

    def watch(self) -> None:
        self.crash_in = self.rng.randint(1, self.crashes_within)
        self.disk.on_operation = self.step

    def step(self, operation: Operation) -> None:
        self.operations += 1
        if self.errors_left and not operation.done and operation.kind in ERRORS:
            self.errors_left -= 1
            raise DiskError(28, f"no space for {operation}", written=self.rng.choice((0, 10, 100)))
        if self.crash_in:
            self.crash_in -= 1
            if not self.crash_in:
                self.events.append(f"crash at {operation}")
                raise Crash("injected", written=self.rng.choice((0, 3, 50, 400)))

    def crash(self) -> None:
        if self.rng.random() < 0.5:
            self.events.append("power loss")
            self.disk = self.disk.power_loss(self.rng)
            self.agent_disk = SimDisk(self.disk.storage)
        else:
            self.disk = self.disk.kill()

    # ---- what happens --------------------------------------------------------------------------------------------

    def run(self, steps: int) -> None:
        for _ in range(steps):
            try:
                self.act()
            except Crash:
                self.crash()
                self.maybe_flip()
                self.open()
        self.disk.on_operation, self.errors_left = None, 0
        self.settle()

    def act(self) -> None:
        act = self.rng.choice(
            (self.append,) * 6
            + (self.commit,) * 3
            + (self.send, self.send, self.ship, self.ship, self.keep_house, self.save, self.clock, self.fail)
        )
        act()

    def append(self) -> None:
        if not self.retention.room(self.payload_bytes[-1] + 1_000):
            return
        log, rng = self.log, self.rng
        if rng.random() < 0.1:
            log.define(SeriesKey(f"m{rng.randrange(30)}", "power"))
        count = rng.randint(1, 5)
        run = log.allocate(count)
        stamp = Stamp(run, None, b"contexts", self.now)
        origin = Origin(OriginKind.ENTRY, log.log, log.state.sequence + 1)
        batch = Batch(origin, log.log, count, rng.randbytes(rng.choice(self.payload_bytes)), stamp)
        position = Position(UPSTREAM, log.state.positions.get(UPSTREAM, 0) + 1)
        record = log.append(Kind.DATA, batch, count, position)
        assert record.sequence == log.state.sequence

    def commit(self) -> None:
        try:
            durable = self.log.commit()
        except Unavailable:
            self.events.append("refused")
            return
        assert durable == self.log.state.sequence
        for record in self.read_all(self.durable_reader):
            self.see(record)

    def look(self) -> None:
        """Everybody sees what is durable: check that nothing has changed its meaning, and nothing is gone."""
        self.durable_reader = self.files_reader()
        records = self.read_all(self.durable_reader)
        for record in records:
            self.see(record)
        there = {record.sequence for record in records}
        gone = set(self.meaning) - there - self.named
        for sequence in gone:
            assert covers(self.let_go, sequence, sequence), f"record {sequence} is gone and not named"

    def files_reader(self) -> LogReader:
        """A reader of the files alone, from the beginning."""
        log = self.log
        return LogReader(self.disk, 0, lambda: log.durable, log.state.is_explained)

    def read_all(self, reader: LogReader) -> list[Record]:
        records: list[Record] = []
        while True:
            stretch = reader.read(1000)
            records += stretch.records
            if stretch.damage is not None:
                assert self.flipped, f"{stretch.damage} without a flip"
                self.log.name_damage(stretch.damage)
                self.log.commit()
            elif not stretch.records:
                return records

    def see(self, record: Record) -> None:
        """Somebody sees a record: it means this from now on."""
        known = self.meaning.setdefault(record.sequence, record)
        assert known == record, f"sequence {record.sequence} means two things"
        if known is not record:
            return
        body = body_of(record)
        if isinstance(body, Batch) and body.stamp is not None:
            for ordinal in range(body.stamp.run.start, body.stamp.run.end):
                at = self.ids.setdefault(ordinal, record.sequence)
                assert at == record.sequence, f"id {ordinal} is in records {at} and {record.sequence}"
        elif isinstance(body, Loss):
            for loss in (body, *body.restated):
                self.named.update(range(loss.first, loss.last + 1))
                for first, last in loss.link if loss.why == Why.DROPPED else ():
                    self.dropped.update(range(first, last + 1))
            assert not self.dropped & self.delivered, "named dropped, and delivered"
        elif isinstance(body, Jump):
            taken = {sequence for sequence in self.meaning if body.first <= sequence <= body.last}
            assert self.flipped or not taken, f"a jump over {taken}, which were visible"
            self.named |= taken  # Damage in the last synced records, and then a power loss that also took the mark.

    def send(self) -> None:
        """The forwarder sends; the receiver has it at once, or loses it."""
        if self.rng.random() > self.send_rate:
            return
        if self.rng.random() < 0.3:
            self.forward.rewind(self.acknowledged)
        stretch = self.forward.read(self.rng.randint(1, 20))
        if stretch.damage is not None:
            self.log.name_damage(stretch.damage)
        if not stretch.records:
            return
        self.sent.raise_to(stretch.records[-1].sequence)
        try:
            self.sent.save()
        except OSError:
            self.forward.rewind(self.acknowledged)
            return
        for record in stretch.records:
            self.see(record)
            self.delivered.add(record.sequence)
        assert not self.dropped & self.delivered, "delivered, and named dropped"
        if self.rng.random() < 0.8:
            self.acknowledged = stretch.records[-1].sequence

    def ship(self) -> None:
        """The agent, another process, ships."""
        if self.rng.random() > self.ship_rate:
            return
        stretch = self.agent.read(self.rng.randint(1, 20))
        if stretch.damage is not None:
            report_damage(self.agent_disk, "agent", stretch.damage)
        for record in stretch.records:
            assert record.sequence > self.agent_at
            self.see(record)
            self.shipped.add(record.sequence)
            self.agent_at = record.sequence
        if stretch.records and self.rng.random() < 0.5:
            save_cursor(self.agent_disk, "agent", Cursor(self.agent_at, 0))

    def save(self) -> None:
        try:
            save_cursor(self.disk, "forward", Cursor(self.acknowledged, 0))
        except OSError:
            return

    def keep_house(self) -> None:
        for missing in take_reports(self.disk):
            self.log.name_damage(missing)
        readers = Readers(
            load_cursor(self.disk, "forward").sequence,
            None,
            load_cursor(self.disk, "agent").sequence,
            self.sent.sequence,
        )
        self.retention.tick(readers)
        for segment in self.log.segments:
            if segment.gone_after == 0:
                self.let_go = union((*self.let_go, (segment.first, segment.last)))
        assert self.log.used <= self.budget
        try:
            self.log.sweep()
        except Unavailable:
            return

    def clock(self) -> None:
        self.now = max(0, self.now + self.rng.choice((-3_600_000, -1_000, 100, 1_000, 20_000, 86_400_000)))

    def fail(self) -> None:
        if self.rng.random() < 0.2:
            self.errors_left = self.rng.choice((1, 1, 2, 5, 20))
            self.events.append(f"{self.errors_left} errors")

    def maybe_flip(self) -> None:
        """Turn a bit of one record that was durable, once in a run."""
        if not self.flips or self.flipped or self.rng.random() < 0.7:
            return
        names = [name for name in self.disk.names() if name.endswith(".seg")]
        name = self.rng.choice(names)
        cursor = SegmentCursor(self.disk, int(name[:-4]))
        found, places = cursor.next(), []
        while isinstance(found, Record):
            if found.kind != Kind.SNAPSHOT and found.sequence <= self.disk.load_word(MARK):
                places.append((cursor.offset - found.size, found))
            found = cursor.next()
        if places:
            offset, record = self.rng.choice(places)
            self.disk.flip(name, 8 * offset + self.rng.randrange(8 * record.size))
            self.flipped.add(record.sequence)
            self.events.append(f"flip {record.sequence} in {segment_name(cursor.first)}")

    # ---- the end -------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """All catches up, and then everything that was ever visible is delivered, or named; likewise for the store."""
        self.send_rate = self.ship_rate = 1
        for _ in range(60):
            self.commit()
            self.keep_house()
            stretch = self.forward.read(10_000)
            if stretch.damage is not None:
                self.log.name_damage(stretch.damage)
            self.delivered.update(record.sequence for record in stretch.records)
            self.ship()
        self.look()
        for sequence, record in self.meaning.items():
            if isinstance(body_of(record), Batch | Definition):
                assert sequence in self.delivered | self.named, f"record {sequence} is neither delivered nor named"
                assert sequence in self.shipped | self.named, f"record {sequence} is neither shipped nor named"
        assert self.named >= self.flipped & set(self.meaning) - {
            sequence for sequence in self.meaning if covers(self.let_go, sequence, sequence)
        }
