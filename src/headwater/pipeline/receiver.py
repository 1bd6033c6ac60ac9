"""The receiving end of a link between two logs: free of I/O, messages in and messages out (PROTOCOL 7 to 13)."""

from collections import deque
from typing import TypeVar

import msgspec

from headwater.model.errors import Rejected
from headwater.model.ids import NODE_MAX
from headwater.model.reading import SeriesName
from headwater.model.records import Definition, Kind, Loss, Position, Why
from headwater.model.stamp import Inputs, OriginKind, Same
from headwater.pipeline.connection import Connection
from headwater.pipeline.core import Core
from headwater.wire import codec
from headwater.wire import headwater_pb2 as pb
from headwater.wire.link import WINDOW_BYTES, Travel, announced, unpack
from headwater.wire.records import FORMAT_VERSION

T = TypeVar("T")

_definitions = msgspec.msgpack.Decoder(Definition)
_losses = msgspec.msgpack.Decoder(Loss)


class Inflow(Connection):
    """One connection from an upstream log."""

    def __init__(self, core: Core, hello: pb.Hello) -> None:
        super().__init__(core, hello)
        self.node = int.from_bytes(hello.node, "big")
        self._check_node(hello)
        self._held: deque[tuple[pb.Record, int]] = deque()
        """Records behind one whose series are not defined here, until the definition comes (rule 12)."""
        self._held_bytes = 0
        self._wanted: SeriesName | None = None
        self.begin()
        core.nodes[self.node] = self._upstream
        if hello.first > self.position + 1:
            core.lose(Why.GAP, Position(self._upstream, hello.first - 1), self.position + 1)

    def _check_node(self, hello: pb.Hello) -> None:
        core = self._core
        if len(hello.node) != 3 or not 0 <= self.node <= NODE_MAX:
            raise Rejected("node", f"a node id has 3 bytes, not {len(hello.node)}")
        if self.node == core.options.node:
            raise Rejected("node-conflict", f"node {self.node:06x} is this node's own id: give one of them another")
        other = core.nodes.get(self.node, self._upstream)
        if other != self._upstream and other in core.connections:
            raise Rejected(
                "node-conflict",
                f"another node with id {self.node:06x} (log {other.hex()}) is connected: give one of them another id",
            )

    def take(self, up: pb.Up) -> list[pb.Down]:
        """Take one message in; Rejected ends the connection, what is wrong with one record costs only that record."""
        self.check_current()
        if up.HasField("definition"):
            return self._defined(up.definition)
        if not up.HasField("records"):
            raise Rejected("message", "records or a definition are expected on this connection")
        down: list[pb.Down] = []
        for record in up.records.record:
            if self._wanted is not None:
                self._hold(record, up.records.sent_ms)
            else:
                down += self._take(record, up.records.sent_ms)
        return down

    def _hold(self, record: pb.Record, sent_ms: int) -> None:
        self._held.append((record, sent_ms))
        self._held_bytes += len(record.body)
        if self._held_bytes > 2 * WINDOW_BYTES and len(self._held) > 1:
            raise Rejected("window", f"more than {2 * WINDOW_BYTES} bytes came while a definition was asked for")

    def _take(self, record: pb.Record, sent_ms: int) -> list[pb.Down]:
        if record.sequence <= self.position:
            return []
        if record.sequence - (record.previous or 1) > self.position:
            raise Rejected(
                "order",
                f"record {record.sequence} of log {self._upstream.hex()} follows "
                f"{record.sequence - (record.previous or 1)}, of which only {self.position} is here",
            )
        try:
            return self._enter(record, sent_ms)
        except Rejected as error:
            self._core.refuse(error)
            upstream = Position(self._upstream, record.sequence)
            self._core.lose(Why.DAMAGED, upstream, record.sequence, announced(record))
            return [pb.Down(refusal=pb.Refusal(reason=error.reason, detail=error.detail, sequence=record.sequence))]

    def _enter(self, record: pb.Record, sent_ms: int) -> list[pb.Down]:
        upstream = Position(self._upstream, record.sequence)
        understood = (record.version or FORMAT_VERSION) <= FORMAT_VERSION
        if understood and record.kind in (Kind.DATA, Kind.OUT):
            return self._batch(record, sent_ms, upstream)
        if understood and record.kind == Kind.DEFINITION:
            definition = _decoded(_definitions, record)
            self._check_foreign(definition.log, f"record {record.sequence} defines a series")
            self._define(definition, upstream)
        elif understood and record.kind == Kind.LOSS:
            loss = _decoded(_losses, record)
            self._check_foreign(loss.log, f"record {record.sequence} names records missing")
            self._core.log.append_twice(Kind.LOSS, loss, upstream=upstream)
        elif understood and record.kind in set(Kind):
            raise Rejected("kind", f"record {record.sequence} of kind {record.kind} has no place on a link")
        else:
            self._core.refused["unknown-kind-kept"] += 1
            version = record.version or FORMAT_VERSION
            raw, stays = bytes(record.body), self._core.stays(record.kind)
            self._core.log.append(record.kind, None, upstream=upstream, raw=raw, version=version, stays=stays)
        self._core.appended()
        return []

    def _check_foreign(self, log: bytes, what: str) -> None:
        """Only this node says what is in its log: who else does so got it from here, by links that go in a circle."""
        if log == self._core.log.log:
            raise Rejected("loop", f"{what} of this node's own log: links that lead back to it have to be undone")

    def _define(self, definition: Definition, upstream: Position) -> None:
        log = self._core.log
        held = log.state.series.get((definition.log, definition.number))
        if held is not None and msgspec.structs.replace(held, stays=definition.stays) == definition:
            log.append(Kind.REFUSED, None, upstream=upstream)
        else:
            log.append_twice(Kind.DEFINITION, self._hidden(definition), upstream=upstream)

    def _hidden(self, definition: Definition) -> Definition:
        """A definition as it is logged here: a mask keeps it from the next hop."""
        return msgspec.structs.replace(definition, stays=self._core.log.hides_names)

    # ---- batches -------------------------------------------------------------------------------------------------

    def _batch(self, record: pb.Record, sent_ms: int, upstream: Position) -> list[pb.Down]:
        travel = unpack(record, self.node)
        self._check_foreign(travel.entry, f"record {record.sequence} has readings")
        wanted = self._undefined(travel)
        if wanted is not None:
            self._wanted = wanted
            self._held.appendleft((record, sent_ms))
            self._held_bytes += len(record.body)
            return [pb.Down(need=pb.Need(log=wanted.log, number=wanted.number))]
        self._take_batch(Kind(record.kind), travel, sent_ms, upstream)
        return []

    def _undefined(self, travel: Travel) -> SeriesName | None:
        """A series of the batch that is not defined here. Without any loss there is none, so nothing is decoded."""
        state = self._core.log.state
        if state.complete:
            return None
        numbers, _ = codec.decode_keys(codec.keys(travel.payload))
        for number in sorted(set(numbers.tolist())):
            if (travel.entry, number) not in state.series:
                return SeriesName(travel.entry, number)
        return None

    def _take_batch(self, kind: Kind, travel: Travel, sent_ms: int, upstream: Position) -> None:
        core = self._core
        inputs: Inputs | None = Same(travel.run) if travel.run is not None else None
        have = self._had(travel) if core.is_endpoint else 0
        if have == travel.count:
            core.refused["duplicate"] += travel.count
            core.log.append(Kind.REFUSED, None, upstream=upstream)
            core.appended()
            return
        if have:
            core.refused["duplicate"] += have
            travel = _without_first(travel, have)
            inputs = Same(travel.run) if travel.run is not None else None
        core.batch(
            kind,
            travel.origin,
            travel.entry,
            travel.count,
            travel.payload,
            context=core.context(Inflow._take_batch),
            inputs=inputs,
            received_ms=core.now_ms(),
            sent_ms=sent_ms or None,
            upstream=upstream,
        )

    def _had(self, travel: Travel) -> int:
        """How many of the batch's first readings are here already (rule 10); order is kept, so it is the first ones."""
        origin = travel.origin
        rank = self._core.log.state.heard.get(origin.key, 0)
        if origin.kind == OriginKind.SOURCE:
            return min(max(rank - origin.number, 0), travel.count)
        return travel.count if origin.rank < rank else 0

    # ---- definitions -----------------------------------------------------------------------------------------------

    def _defined(self, body: bytes) -> list[pb.Down]:
        """The answer to what was asked for: log it, and go on with what waited."""
        try:
            definition = _definitions.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Rejected("definition", f"the answer to a request for a definition cannot be read: {error}") from error
        if self._wanted is None or (definition.log, definition.number) != self._wanted:
            raise Rejected("definition", f"a definition of {definition.log.hex()}/{definition.number}, not asked for")
        self._core.log.append_twice(Kind.DEFINITION, self._hidden(definition))
        self._core.appended()
        held, self._held, self._held_bytes, self._wanted = self._held, deque(), 0, None
        down: list[pb.Down] = []
        for record, sent_ms in held:
            if self._wanted is not None:
                self._hold(record, sent_ms)
            else:
                down += self._take(record, sent_ms)
        return down


def _without_first(travel: Travel, have: int) -> Travel:
    """The batch without its first readings, numbered on."""
    series, timestamps, values = codec.decode(travel.payload)
    count = travel.count - have
    origin = msgspec.structs.replace(travel.origin, number=travel.origin.number + have)
    run = travel.run.part(have, count) if travel.run is not None else None
    return Travel(origin, travel.entry, count, codec.encode(series[have:], timestamps[have:], values[have:]), run)


def _decoded(decoder: msgspec.msgpack.Decoder[T], record: pb.Record) -> T:
    try:
        return decoder.decode(record.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Rejected("record", f"record {record.sequence} cannot be read: {error}") from error
