"""The ends of links in memory: a node's log and core on a disk that forgets, and what travels between them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from headwater.log.segments import read_segment, segment_name, segments
from headwater.log.writer import LogOptions, NodeLog
from headwater.model.ids import IdRun
from headwater.model.reading import SeriesKey
from headwater.model.records import Batch, Definition, Kind, Loss, Position
from headwater.model.stamp import Origin, OriginKind
from headwater.pipeline.core import Core
from headwater.pipeline.options import GatewayOptions
from headwater.pipeline.receiver import Inflow
from headwater.pipeline.sender import Outflow
from headwater.pipeline.sources import SourceInflow
from headwater.pipeline.steps.chain import Chain
from headwater.wire import codec
from headwater.wire import headwater_pb2 as pb
from headwater.wire.link import LINK_VERSION, Travel
from headwater.wire.records import Body, Record, decode_body, known
from tests.simulation.disk import SimDisk, Storage

START_MS = 1_700_000_000_000
SOURCE = b"source-1"
UPSTREAM = b"upstream"


class End:
    """One node: its log, and what a pipeline makes of it. `restart` is a kill and a new start."""

    def __init__(self, node: int = 1, log_options: LogOptions | None = None, **options: Any) -> None:
        given = {"name": f"node{node}", "data": Path("unused"), **options}
        self.options = GatewayOptions(node=node, **given)
        self.storage = Storage()
        self.log_options = log_options or LogOptions()
        self.clock_ms = START_MS
        self._open(SimDisk(self.storage))

    def _open(self, disk: SimDisk) -> None:
        self.disk = disk
        self.log = NodeLog(disk, self.options.node, lambda: self.clock_ms, self.log_options)
        self.core = Core(self.options, self.log, lambda: self.clock_ms)
        if self.options.steps:
            self.core.configure(None)
            self.log.commit()

    def restart(self) -> None:
        self._open(self.disk.kill())

    def chain(self) -> Chain:
        """The steps, as after a start."""
        return Chain(self.core, self.disk, self.log.reader(0))

    def outflow(self, window_bytes: int | None = None) -> Outflow:
        more = () if window_bytes is None else (window_bytes,)
        return Outflow(self.core, self.disk, self.log.reader(0), lambda _: None, *more)

    def commit(self) -> None:
        self.log.commit()

    # ---- what is in the log --------------------------------------------------------------------------------------

    def records(self, *kinds: Kind) -> list[Record]:
        """What is durable, of some kinds or all."""
        self.commit()
        found: list[Record] = []
        reader = self.log.reader(0)
        while records := reader.read().records:
            found += records
        return [record for record in found if not kinds or record.kind in kinds]

    def bodies(self, *kinds: Kind) -> list[Body]:
        return [decode_body(record) for record in self.records(*kinds) if known(record)]

    def batches(self, *kinds: Kind) -> list[Batch]:
        return [body for body in self.bodies(*(kinds or (Kind.DATA,))) if isinstance(body, Batch)]

    def losses(self) -> list[Loss]:
        """Each loss once, although it is logged twice."""
        return list(dict.fromkeys(body for body in self.bodies(Kind.LOSS) if isinstance(body, Loss)))

    def values(self, *kinds: Kind) -> list[float]:
        """The values of all batches, in the order of the log."""
        return [value for batch in self.batches(*kinds) for value in codec.decode(batch.payload).values.tolist()]

    def take_in(self, *values: float, meter: str = "m", timestamps: Sequence[int] | None = None) -> Record:
        """Log readings of one series of this log, as a numbered source's, which goes on counting."""
        number = self.log.define(SeriesKey(meter, "power"))
        first = self.log.state.positions.get(SOURCE, 0) + 1
        return self.core.batch(
            Kind.DATA,
            Origin(OriginKind.SOURCE, SOURCE, first),
            self.log.log,
            len(values),
            payload([number] * len(values), timestamps or [START_MS] * len(values), values),
            context=self.core.context(End.take_in),
            inputs=None,
            received_ms=START_MS,
            upstream=Position(SOURCE, first + len(values) - 1),
        )


def payload(series: Sequence[int], timestamps: Sequence[int], values: Sequence[float]) -> bytes:
    return codec.encode(np.array(series, np.int64), np.array(timestamps, np.int64), np.array(values, np.float64))


def flip(end: End, sequence: int) -> None:
    """Turn one bit of a record's body over."""
    for first in segments(end.disk):
        for offset, found in read_segment(end.disk, first):
            if isinstance(found, Record) and found.kind != Kind.SNAPSHOT and found.sequence == sequence:
                end.disk.flip(segment_name(first), 8 * (offset + found.size - 6))


# ---- an upstream made by hand ----------------------------------------------------------------------------------------


def hello(first: int = 1, last: int = 1 << 40, log: bytes = UPSTREAM, node: int = 7, **more: Any) -> pb.Hello:
    given = {"version": LINK_VERSION, "site": "default", "node": node.to_bytes(3, "big"), **more}
    return pb.Hello(log=log, first=first, last=last, **given)


def connect(end: End, **more: Any) -> Inflow:
    """A connection from an upstream log, with a Welcome."""
    inflow = Inflow(end.core, hello(**more))
    end.commit()
    return inflow


def record(
    sequence: int,
    kind: int = Kind.DATA,
    body: Any = None,
    previous: int | None = None,
    version: int = 0,
) -> pb.Record:
    """A record that follows the one before it, or `previous`."""
    data = body if isinstance(body, bytes) else msgspec.msgpack.encode(body)
    distance = 0 if previous is None else sequence - previous
    return pb.Record(sequence=sequence, previous=distance, kind=kind, version=version, body=data)


def travel(*values: float, number: int = 1, series: int = 1, entry: bytes = UPSTREAM, node: int = 7) -> Travel:
    """A batch of a numbered source as it travels; its first reading has `number`, and the id of that ordinal."""
    count = len(values)
    data = payload([series] * count, [START_MS] * count, values)
    return Travel(Origin(OriginKind.SOURCE, SOURCE, number), entry, count, data, IdRun(node, 1 << 24 | number, count))


def definition(number: int = 1, meter: str = "m", entry: bytes = UPSTREAM) -> Definition:
    return Definition(entry, number, meter, "power")


def send(inflow: Inflow, *records: pb.Record, sent_ms: int = START_MS) -> list[pb.Down]:
    return inflow.take(pb.Up(records=pb.Records(record=records, sent_ms=sent_ms)))


def source(end: End, first: int = 1, last: int = 1 << 40, log: bytes = SOURCE) -> SourceInflow:
    """A connection from a numbered source, with a Welcome."""
    inflow = SourceInflow(
        end.core, pb.Hello(version=LINK_VERSION, site="default", log=log, first=first, last=last, source=True)
    )
    end.commit()
    return inflow


def from_source(
    inflow: SourceInflow, first: int, *values: float, meter: str = "m", define: bool = True
) -> list[pb.Down]:
    """Readings of one series, the first with a number."""
    series = [pb.SourceSeries(number=0, meter=meter, metric="power")] if define else []
    data = payload([0] * len(values), [START_MS] * len(values), values)
    return inflow.take(pb.Up(source=pb.SourceBatch(first=first, payload=data, series=series, sent_ms=START_MS)))


# ---- two ends --------------------------------------------------------------------------------------------------------


class Wire:
    """A connection between two ends: each message is passed as bytes, one after the other."""

    def __init__(self, outflow: Outflow, target: End) -> None:
        self.outflow = outflow
        self.target = target
        self.sent: list[pb.Up] = []
        self.inflow = Inflow(target.core, self._pass(outflow.hello()).hello)
        target.commit()
        self.answer(self.inflow.welcome())

    def _pass(self, up: pb.Up) -> pb.Up:
        self.sent.append(pb.Up.FromString(up.SerializeToString()))
        return self.sent[-1]

    def answer(self, down: pb.Down) -> None:
        """Take an answer to the sender, and what that says to the receiver."""
        for up in self.outflow.take(pb.Down.FromString(down.SerializeToString())):
            for further in self.inflow.take(self._pass(up)):
                self.answer(further)

    def run(self, acknowledge: bool = True) -> None:
        """Send until nothing moves."""
        while (up := self.outflow.following()) is not None:
            for down in self.inflow.take(self._pass(up)):
                self.answer(down)
            if acknowledge:
                self.acknowledge()

    def acknowledge(self) -> None:
        self.target.commit()
        self.answer(pb.Down(durable=self.inflow.durable))


def reason_of(downs: list[pb.Down]) -> str:
    """The reason of the one refusal among answers."""
    (refusal,) = [down.refusal for down in downs if down.HasField("refusal")]
    return str(refusal.reason)
