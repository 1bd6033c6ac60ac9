"""A node of the simulation: the real pipeline parts and the real shipper over one disk, run step by step."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from headwater.agent.shipper import AGENT, Shipper
from headwater.log.cursors import Cursor, save_cursor
from headwater.log.explained import take_reports
from headwater.log.manifest import Manifest, save_manifest
from headwater.log.retention import Retention, RetentionOptions
from headwater.log.segments import Invalid, read_segment, segment_name, segments
from headwater.log.writer import LogOptions, NodeLog
from headwater.model.ids import format_node
from headwater.model.records import Kind, TimeDecision
from headwater.pipeline.collector import Collector
from headwater.pipeline.committer import Committer
from headwater.pipeline.core import Core
from headwater.pipeline.housekeeping import Housekeeping
from headwater.pipeline.options import GatewayOptions
from headwater.pipeline.receiver import Inflow
from headwater.pipeline.sender import Outflow
from headwater.pipeline.sources import SourceInflow
from headwater.pipeline.steps.begin import begin
from headwater.pipeline.steps.chain import Chain
from headwater.wire import headwater_pb2 as pb
from headwater.wire.link import forwarded
from headwater.wire.records import decode_batch
from tests.simulation.disk import SimDisk, Storage
from tests.simulation.ghost import Ghost
from tests.simulation.steps import any_steps
from tests.simulation.store import Store

RECORDS_MAX = 3
WINDOW_BYTES = 600


class Pipeline:
    """One life of a pipeline daemon: what `headwater.pipeline.daemon` puts together, without its loop."""

    def __init__(self, node: "Node") -> None:
        options, disk = node.options, node.disk
        self.log = log = NodeLog(disk, options.node, node.now_ms, node.log_options)
        self.core = Core(options, log, node.now_ms)
        self.chain = Chain(self.core, disk, log.reader(0))
        self.retention = Retention(log, node.retention_options, node.now_ms)
        self.house = Housekeeping(self.core, disk, Committer(log), self.retention, self.chain, node.now_ms)
        self.core.room = self.house.room
        self.outflow: Outflow | None = None
        if options.next is not None:
            self.outflow = Outflow(self.core, disk, log.reader(0), self.house.allow, WINDOW_BYTES)
        self.house.sending = self.outflow
        begin(self.core, disk, self.chain)
        self.collector = Collector(self.core, lambda: node.clock_ms / 1000)


class OnDisk(NamedTuple):
    """The sequences of a log's records as its files have them now."""

    sound: set[int]
    damaged: set[int]
    """What a sound record stands before and behind in a file, and that is sound in none.

    A record is in two files when the sync of the first was refused.
    """


class Place(NamedTuple):
    """A bit of a file, and the sequence of the record it belongs to; 0 for what is none."""

    name: str
    bit: int
    sequence: int


class Node:
    """A node's disk, and the two processes that live on it."""

    def __init__(
        self, rng: random.Random, name: str, number: int, drop_oldest: bool, next_hop: str | None, has_step: bool
    ) -> None:
        self._rng = rng
        self.name = name
        self.number = number
        steps = any_steps(rng) if has_step else ()
        self.options = GatewayOptions(
            node=number,
            name=name,
            next=next_hop,
            data=Path("unused"),
            when_full="drop_oldest" if drop_oldest else "block",
            steps=steps,
        )
        log_bytes_max = rng.choice((20_000, 32_000, 1 << 20) if has_step else (12_000, 16_000, 1 << 20))
        self.log_options = LogOptions(rng.choice((1200, 1600, 3000)), log_bytes_max)
        self.retention_options = RetentionOptions(rng.choice((0, 5_000, 3_600_000)), log_bytes_max, drop_oldest, 500)
        self.clock_ms = 1_000_000
        self.storage = Storage()
        self.disk = SimDisk(self.storage)
        """What the pipeline sees; the agent has a view of its own."""
        self.agent_disk = SimDisk(self.storage)
        self.log_id = f"log-{name}".encode().ljust(8, b".")
        save_manifest(self.disk, Manifest(1, format_node(number), self.log_id.hex(), 1, 1000))
        self.ghost = Ghost(name, self.log_id)
        self.pipeline: Pipeline | None = None
        self.shipper: Shipper | None = None
        self.flipped = False
        """A bit of this folder was turned over: one for each log and run."""

    def now_ms(self) -> int:
        return self.clock_ms

    @property
    def replaces(self) -> bool:
        """Whether a step's outputs go on instead of the readings."""
        return any(step.output == "replace" for step in self.options.steps)

    # ---- life and death --------------------------------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        return self.pipeline is not None

    def start(self) -> None:
        """Both processes start; the pipeline recovers the log."""
        self.pipeline = Pipeline(self)

    def start_agent(self, store: Store) -> None:
        self.shipper = Shipper(self.agent_disk, 3)
        self.shipper.rewind(store.stored.get(self.log_id, 0))

    def kill(self) -> None:
        """kill -9 of the pipeline: what it wrote stays."""
        self.pipeline, self.disk = None, self.disk.kill()

    def kill_agent(self) -> None:
        self.shipper, self.agent_disk = None, self.agent_disk.kill()

    def lose_power(self, rng: random.Random) -> None:
        """Both processes end, and what was not synced is there in part."""
        self.pipeline = self.shipper = None
        self.disk = self.disk.power_loss(rng)
        self.agent_disk = SimDisk(self.storage)

    @property
    def running(self) -> Pipeline:
        assert self.pipeline is not None
        return self.pipeline

    @property
    def log(self) -> NodeLog:
        return self.running.log

    # ---- what links need -------------------------------------------------------------------------------------------

    @property
    def sender(self) -> Outflow:
        assert self.running.outflow is not None
        return self.running.outflow

    def open(self, hello: pb.Hello) -> Inflow | SourceInflow:
        return SourceInflow(self.running.core, hello) if hello.source else Inflow(self.running.core, hello)

    def has_room(self) -> bool:
        return self.running.core.room()

    def is_durable(self, sequence: int) -> bool:
        return self.log.durable >= sequence

    @property
    def sequence(self) -> int:
        return self.log.state.sequence

    # ---- what the daemon does --------------------------------------------------------------------------------------

    def commit(self) -> bool:
        """Sync what was appended; whether that was anything."""
        before = self.log.durable
        return self.log.commit() > before

    def advance(self) -> bool:
        running = self.running
        return running.retention.room_for_step() and running.chain.advance(2)

    def keep_house(self) -> bool:
        """A round of the daemon: name what readers found damaged, decide what goes, unlink what may."""
        running = self.running
        before = running.log.state.sequence, running.log.used
        for missing in take_reports(self.disk):
            running.log.name_damage(missing)
        running.retention.tick(running.house.readers())
        running.log.sweep()
        return before != (running.log.state.sequence, running.log.used)

    def save_positions(self) -> bool:
        """Checkpoints and cursors; never counts as progress."""
        house = self.running.house
        house.write(house.positions())
        return False

    def decide(self) -> None:
        """The clock closes all windows: a record first, then its effect."""
        self.log.append(Kind.TIME, TimeDecision(len(self.options.steps) - 1, self.clock_ms))

    @property
    def behind(self) -> bool:
        """Whether there is something that the next hop lacks."""
        outflow = self.running.outflow
        if outflow is None:
            return False
        reader = self.log.reader(outflow.acknowledged)
        left = [record for record in reader.read().records if forwarded(record)]
        batches = [record for record in left if record.kind in (Kind.DATA, Kind.OUT)]
        return any(decode_batch(record).count for record in batches)

    def holds(self, sequence: int) -> bool:
        """Whether a segment has a sequence and is not about to go."""
        return any(segment.first <= sequence <= segment.last for segment in self.log.segments)

    def sequences_on_disk(self) -> OnDisk:
        """What a reader finds in the files."""
        sound: set[int] = set()
        damaged: set[int] = set()
        for first in segments(self.disk):
            last, broken = first - 1, False
            for _, found in read_segment(self.disk, first):
                if isinstance(found, Invalid):
                    broken = True
                elif found.kind != Kind.SNAPSHOT:
                    damaged |= set(range(last + 1, found.sequence)) if broken else set()
                    sound.add(found.sequence)
                    last, broken = found.sequence, False
        return OnDisk(sound, damaged - sound)

    def place_to_flip(self, rng: random.Random) -> Place | None:
        """A bit of a synced record, of a snapshot, or of a small file; None when there is nothing."""
        if rng.random() < 0.15:
            names = [name for name in self.disk.names() if not name.endswith((".seg", ".tmp")) and self.disk.size(name)]
            name = rng.choice(names)
            return Place(name, rng.randrange(8 * self.disk.size(name)), 0)
        frames = list(self._frames())
        records = [frame for frame in frames if frame[3]]
        if not frames:
            return None
        some = records + 5 * records[-1:] if records and rng.random() < 0.8 else frames
        name, start, end, sequence = rng.choice(some)
        return Place(name, rng.randrange(8 * start, 8 * end), sequence)

    def end_to_flip(self, rng: random.Random) -> Place | None:
        """A bit of one of the last records that were durable."""
        last = [frame for frame in self._frames() if frame[3]][-4:]
        if not last:
            return None
        name, start, end, sequence = rng.choice(last)
        return Place(name, rng.randrange(8 * start, 8 * end), sequence)

    def _frames(self) -> Iterator[tuple[str, int, int, int]]:
        """(file, offset, end, sequence or 0) of every snapshot and of every record that was durable."""
        for first in segments(self.disk):
            for start, found in read_segment(self.disk, first):
                if isinstance(found, Invalid):
                    continue
                sequence = found.sequence * (found.kind != Kind.SNAPSHOT)
                if not sequence or sequence in self.ghost.records:
                    yield segment_name(first), start, start + found.size, sequence

    # ---- what the agent does ---------------------------------------------------------------------------------------

    def ship(self, store: Store, lose_answer: bool) -> bool:
        """Ship one group; without the answer the agent's next connection starts over from what the store has."""
        shipper = self.shipper
        if shipper is None or not store.up:
            return False
        before = shipper.position
        group = shipper.group()
        if group is not None:
            store.put(self.log_id, group)
            if lose_answer:
                shipper.rewind(before)
        return shipper.position != before

    def save_agent(self, store: Store) -> bool:
        if self.shipper is not None and self.log_id in store.stored:
            save_cursor(self.agent_disk, AGENT, Cursor(store.stored[self.log_id], 0))
        return False
