"""The sending end of a link between two logs: free of I/O, messages in and messages out (PROTOCOL 7 to 9)."""

from collections import deque
from collections.abc import Callable

import msgspec

from headwater.log.cursors import Cursor, cursor_name, decode_cursor, load_cursor
from headwater.log.disk import Disk
from headwater.log.reader import LogReader
from headwater.log.segments import segments
from headwater.model.errors import NotFound, Rejected
from headwater.model.records import Definition, Jump, Kind, Loss, Why
from headwater.pipeline.core import Core
from headwater.wire import headwater_pb2 as pb
from headwater.wire.link import LINK_VERSION, WINDOW_BYTES, forwarded, pack
from headwater.wire.records import Record, decode_batch, decode_body, encode_body, known

FORWARD = "forward"
"""The cursor of what the next hop has or does not get."""
NEXT_HAS = "next_has"
"""The cursor of what the next hop has; saved before the other, which may be further."""
RECORDS_MAX = 128
MESSAGE_BYTES = 512 << 10
"""About how much goes into one gRPC message; a record is never cut."""
STRETCHES_COUNTED_MAX = 256


class Outflow:
    """The link to the next hop, over any number of connections, one at a time."""

    def __init__(
        self,
        core: Core,
        disk: Disk,
        reader: LogReader,
        allow: Callable[[int], None],
        window_bytes: int = WINDOW_BYTES,
        *,
        begun: bool = True,
    ) -> None:
        """`begun` is False when nothing was ever sent to this next hop, also not by an earlier process."""
        self._core = core
        self._disk = disk
        self._reader = reader
        self._allow = allow
        """Called before records up to a sequence are sent: a drop must know what may have been (rule 14)."""
        self._window_bytes = window_bytes
        saved = _saved(disk)
        self.acknowledged, self.sent_readings = saved or Cursor(0, 0)
        """The last sequence that the next hop has durably, and how many readings went on up to there."""
        self.counted = self.acknowledged
        """The last sequence whose readings are counted as sent, or that does not travel."""
        self.passed = max(load_cursor(disk, FORWARD).sequence, self.acknowledged) if saved is not None else 0
        """Everything up to this sequence is with the next hop, or does not go there."""
        self.ready = False
        self.held = False
        """Nothing more is sent, so that it can be known what the next hop has."""
        self.over = False
        """There is another next hop now."""
        config = core.log.state.config
        self._behind = config.behind if config is not None else 0
        """What is up to here went to an earlier next hop."""
        self.acknowledged, self.passed = max(self.acknowledged, self._behind), max(self.passed, self._behind)
        self._unsure = begun and saved is not None
        """Something was under way when a connection ended, or this process began."""
        self.next_node: int | None = None
        self.heard = 0
        """How many messages came back: each is a sign of life."""
        self.problem = ""
        """Why the last connection ended, until there is another."""
        self.refusals = 0
        self._sent = 0
        self._read = 0
        """The last sequence read of the log, or passed before."""
        self._named_at = 0
        """By this sequence it is named what is missing behind the last record read; 0 when nothing is."""
        self._previous: Record | None = None
        self._flying: deque[tuple[int, int, int]] = deque()
        """(sequence, bytes, readings) of what is under way."""
        self._flying_bytes = 0

    def hello(self) -> pb.Up:
        """Begin a connection; nothing of an earlier one counts any longer."""
        core = self._core
        self.ready, self._previous = False, None
        self._unsure = self._unsure or bool(self._flying)
        self._flying.clear()
        self._flying_bytes = 0
        return pb.Up(
            hello=pb.Hello(
                version=LINK_VERSION,
                site=core.options.site,
                node=core.options.node.to_bytes(3, "big"),
                log=core.log.log,
                first=self._first(),
                last=core.log.durable,
                name=core.options.name,
            )
        )

    def _first(self) -> int:
        """The first sequence that the next hop can have from here. What it needs nothing of is not missing."""
        firsts = segments(self._disk)
        first = firsts[0] if firsts else self._core.log.durable + 1
        if first <= self._behind + 1:
            return 1
        return min(first, self.acknowledged + 1) if first <= self.passed + 1 else first

    def take(self, down: pb.Down) -> list[pb.Up]:
        """Take one message in; Rejected ends the connection."""
        if self.over:
            raise Rejected("superseded", "there is another next hop now")
        self.heard += 1
        if down.HasField("welcome"):
            return self._welcomed(down.welcome)
        if down.HasField("need"):
            return [self._definition(down.need)]
        if down.HasField("refusal"):
            return self._refused(down.refusal)
        self._acknowledged(down.durable)
        return []

    def following(self) -> pb.Up | None:
        """The next message of records, None when there is nothing to send or the window is full."""
        if not self.ready or self.held or self.over or not self._window_open():
            return None
        records: list[pb.Record] = []
        size = 0
        while len(records) < RECORDS_MAX and size < MESSAGE_BYTES and self._window_open():
            stretch = self._reader.read(RECORDS_MAX - len(records), MESSAGE_BYTES - size)
            for record in stretch.records:
                if not self._may_pass(record):
                    self._reader.rewind(self._read)
                    break
                size += self._add(record, records)
            if stretch.damage is not None:
                self._core.log.name_damage(stretch.damage)
                self._core.appended()
                break
            if not stretch.records or self._named_at > self._core.log.durable:
                break
        self._pass()
        if not records:
            return None
        self._allow(self._sent)
        return pb.Up(records=pb.Records(record=records, sent_ms=self._core.now_ms()))

    def sign(self) -> pb.Up | None:
        """A message without records, a sign of life for a next hop that has nothing else of us; None before Welcome."""
        if not self.ready or self.over:
            return None
        return pb.Up(records=pb.Records(sent_ms=self._core.now_ms()))

    @property
    def under_way(self) -> bool:
        """Whether anything that was sent is not acknowledged."""
        return bool(self._flying)

    @property
    def resolved(self) -> bool:
        """Whether it is known of everything that was sent whether the next hop has it."""
        return not self._flying and not self._unsure

    def _window_open(self) -> bool:
        return self._flying_bytes < self._window_bytes or not self._flying

    def _may_pass(self, record: Record) -> bool:
        """Whether nothing is missing before a record, or that is durably named: else a crash could leave it unnamed."""
        if record.sequence <= self._read + 1:
            return True
        log = self._core.log
        self._named_at = self._named_at or log.state.sequence
        if self._named_at > log.durable:
            return False
        self._named_at = 0
        return True

    def _add(self, record: Record, records: list[pb.Record]) -> int:
        """Put a record into the message if it travels; the second copy of one does not."""
        previous, self._previous = self._previous, record
        if record.sequence <= self._read:
            return 0
        size = self._name_hole(record, records)
        self._read = record.sequence
        if not forwarded(record) or _is_copy(record, previous):
            return size
        message = pack(record, self._sent)
        if message is None:
            return size
        if previous is not None and previous.sequence == record.sequence - 1:
            own = record.total - previous.total
        else:
            own = _readings(record)
        self._put(message, record.size, own, records)
        return size + record.size

    def _name_hole(self, record: Record, records: list[pb.Record]) -> int:
        """Say that what stood before a record is gone, before it goes: the next hop asks for series that it lacks."""
        first, last = self._read + 1, record.sequence - 1
        if first > last or _is_jump(record, first):
            return 0
        body = encode_body(Loss(Why.GAP, self._core.log.log, first, last))
        message = pb.Record(sequence=last, previous=last - self._sent, kind=Kind.LOSS, body=body)
        self._put(message, len(body), 0, records)
        return len(body)

    def _put(self, message: pb.Record, size: int, readings: int, records: list[pb.Record]) -> None:
        records.append(message)
        self._sent = message.sequence
        self._flying.append((self._sent, size, readings))
        self._flying_bytes += size

    def _welcomed(self, welcome: pb.Welcome) -> list[pb.Up]:
        """The receiver says where to go on, even below what it acknowledged before."""
        if welcome.version != LINK_VERSION:
            raise Rejected("version", f"the next hop speaks link version {welcome.version}, not {LINK_VERSION}")
        if welcome.durable > self._core.log.durable:
            raise Rejected(
                "ahead",
                f"the next hop says it has record {welcome.durable} of log {self._core.log.log.hex()}, which ends at "
                f"{self._core.log.durable}: two nodes may share the log id, start one of them with --new-log",
            )
        self.next_node = int.from_bytes(welcome.node, "big")
        upto = max(welcome.durable, self._behind)
        if upto < self.acknowledged:
            self.passed = upto
        self._count(upto)
        self._locate(upto)
        self.acknowledged, self._sent = upto, welcome.durable
        self._read, self._named_at = max(upto, self.passed), 0
        self.ready, self._unsure, self.problem = True, False, ""
        self._core.configure(self.next_node)
        return []

    def _locate(self, durable: int) -> None:
        """Go on behind a record."""
        self._reader.rewind(max(durable - 1, 0))
        for record in self._reader.read(1).records:
            if record.sequence == durable:
                self._previous = record
        self._reader.rewind(durable)

    def _count(self, upto: int) -> None:
        """Count what the next hop has although it was not acknowledged here: it was under way, or this process died.

        What is saved is at most some seconds old, so there is little to read; it is not read without end.
        """
        if upto > self.counted:
            self._reader.rewind(self.counted)
            for _ in range(STRETCHES_COUNTED_MAX):
                records = self._reader.read(RECORDS_MAX, MESSAGE_BYTES).records
                self.sent_readings += sum(
                    _readings(record) for record in records if record.sequence <= upto and forwarded(record)
                )
                if not records or self._reader.after >= upto:
                    break
            self.counted = upto

    def _acknowledged(self, durable: int) -> None:
        while self._flying and self._flying[0][0] <= durable:
            sequence, size, readings = self._flying.popleft()
            self._flying_bytes -= size
            if sequence > self.counted:
                self.sent_readings, self.counted = self.sent_readings + readings, sequence
        self.acknowledged = max(self.acknowledged, min(durable, self._sent))
        self._pass()

    def _pass(self) -> None:
        self.passed = max(self.passed, self._flying[0][0] - 1 if self._flying else self._reader.after)

    def _definition(self, need: pb.Need) -> pb.Up:
        """What a series is called, or that nobody here knows any longer (rule 12)."""
        held = self._core.log.state.series.get((need.log, need.number))
        if held is None or held.stays:
            self._core.refused["definition-gone"] += 1
            held = Definition(bytes(need.log), need.number, "", "", damaged=True)
        return pb.Up(definition=msgspec.msgpack.encode(held))

    def _refused(self, refusal: pb.Refusal) -> list[pb.Up]:
        error = Rejected(refusal.reason, refusal.detail)
        if refusal.fatal or not refusal.sequence:
            raise error
        self.refusals += 1
        return []


def _is_jump(record: Record, first: int) -> bool:
    """Whether a record says that the sequences from `first` up to it were never used."""
    if record.kind != Kind.JUMP or not known(record):
        return False
    body = decode_body(record)
    return isinstance(body, Jump) and body.first <= first


def _readings(record: Record) -> int:
    return decode_batch(record).count if known(record) and record.kind in (Kind.DATA, Kind.OUT) else 0


def _saved(disk: Disk) -> Cursor | None:
    """What the next hop has by the file, also when that is nothing; None when the file does not say."""
    try:
        return decode_cursor(disk.read(cursor_name(NEXT_HAS), 0, 64))
    except NotFound:
        return None


def _is_copy(record: Record, previous: Record | None) -> bool:
    """Definitions and losses are logged twice in a row; the next hop makes copies of its own."""
    return (
        previous is not None
        and record.kind == previous.kind
        and record.total == previous.total
        and record.body == previous.body
        and record.sequence == previous.sequence + 1
    )
