"""Steps as folds over the log: read what is durable, write what they make, resume from a checkpoint (PROTOCOL 16)."""

import struct
import zlib

import msgspec
import numpy as np
import zstandard

from headwater.log.disk import Disk
from headwater.log.reader import LogReader
from headwater.model.errors import NotFound, Rejected
from headwater.model.reading import SeriesKey
from headwater.model.records import Batch, Kind, TimeDecision, Trigger
from headwater.model.stamp import Lists, Origin, OriginKind, Stamp
from headwater.pipeline.aggregate import Aggregate, Closed, Fold
from headwater.pipeline.core import Core
from headwater.wire import codec
from headwater.wire.records import Record, decode_batch, decode_body, known

OUTPUTS_MAX = 4096
RUNS_MAX = 65_536
"""The most windows and input runs in one output record; a trigger that closes more writes several."""
CHECKPOINT_BYTES_MAX = 1 << 30
_CRC = struct.Struct("<I")


class Checkpoint(msgspec.Struct, array_like=True, frozen=True):
    """The fold after a record, saved when every output up to it is synced."""

    version: int
    log: bytes
    window_s: int
    sequence: int
    total: int
    fold: Fold


class Step:
    """One step of a node, at a position in its log."""

    def __init__(self, core: Core, disk: Disk, index: int, reader: LogReader) -> None:
        self._core = core
        self._disk = disk
        self._index = index
        self._reader = reader
        self.options = core.options.steps[index]
        saved = load_checkpoint(disk, index, core.log.log, self.options.window_s)
        self.aggregate = Aggregate(self.options, saved.fold if saved else None)
        self.sequence = saved.sequence if saved else 0
        self.total = saved.total if saved else 0
        self.saved = self.sequence
        """The position of the last checkpoint: segments behind it may go."""
        self._offered = self.sequence
        self.skipped = 0
        """Readings that could not be folded in: their payload cannot be read."""
        self._last_output = 0
        self._between_records = True
        """False when the fold has taken a part of a record: for good, if an error came in between."""
        self._name = f"{self.options.function} {self.options.window_s} s"
        self._emitted = self._outputs_behind()
        reader.rewind(self.sequence)

    # ---- replay ----------------------------------------------------------------------------------------------------

    def _outputs_behind(self) -> dict[int, list[Trigger]]:
        """What this step wrote for records behind the checkpoint: taken from the records, not computed again."""
        emitted: dict[int, list[Trigger]] = {}
        self._reader.rewind(self.sequence)
        passed = -1
        while self._reader.after > passed:
            passed = self._reader.after
            for record in self._reader.read().records:
                trigger = self._trigger(record)
                if trigger is not None and trigger.sequence > self.sequence:
                    emitted.setdefault(trigger.sequence, []).append(trigger)
                    self._last_output = record.sequence
        return dict(sorted(emitted.items()))

    def _trigger(self, record: Record) -> Trigger | None:
        if record.kind != Kind.OUT or record.upstream is not None or not known(record):
            return None
        trigger = decode_batch(record).trigger
        return trigger if trigger is not None and trigger.step == self._index else None

    # ---- going on ----------------------------------------------------------------------------------------------------

    def advance(self, most: int = 32) -> bool:
        """Fold in the next records; whether there were any. Damage is named and passed like any reader does."""
        stretch = self._reader.read(most)
        for record in stretch.records:
            self._take(record)
        if stretch.damage is not None:
            self._core.log.name_damage(stretch.damage)
            self._core.appended()
        return bool(stretch.records)

    @property
    def late(self) -> int:
        """Readings that came when their window was closed."""
        return self.aggregate.fold.late

    @property
    def lag(self) -> int:
        """Readings in the log that this step has not folded in."""
        return self._core.log.state.count - self.total

    def _take(self, record: Record) -> None:
        self._between_records = False
        self._close_as_recorded(record.sequence)
        if known(record) and record.kind == Kind.DATA:
            self._fold(record)
        elif known(record) and record.kind == Kind.TIME:
            decision = decode_body(record)
            if isinstance(decision, TimeDecision) and decision.step == self._index:
                self._write(record, self._undone(record, self.aggregate.close_all()), [])
        self.sequence, self.total = record.sequence, record.total
        self._between_records = True

    def _close_as_recorded(self, before: int) -> None:
        """Close what the outputs of earlier records say is closed, also when such a record itself is damaged now."""
        while self._emitted and (earliest := next(iter(self._emitted))) < before:
            for trigger in self._emitted.pop(earliest):
                self.aggregate.fold.late += len(trigger.late)
                for window in trigger.closed:
                    self.aggregate.mark_closed(window)

    def _fold(self, record: Record) -> None:
        batch = decode_batch(record)
        skip = self._had(batch)
        try:
            columns = codec.decode(batch.payload)
        except Rejected as error:
            self._core.refuse(error, batch.count)
            self.skipped += batch.count
            return
        done = self._emitted.get(record.sequence)
        run = batch.stamp.run if batch.stamp is not None else None
        closed, late = self.aggregate.take(batch.entry, columns, run, skip)
        self.aggregate.fold.late += len(late)
        if done is not None:
            known_late = {position for trigger in done for position in trigger.late}
            late = [position for position in late if position not in known_late]
        self._write(record, self._undone(record, closed), late)

    def _had(self, batch: Batch) -> int:
        """How many of the batch's first readings were folded in before (rule 10)."""
        origin, heard = batch.origin, self.aggregate.fold.heard
        key = msgspec.msgpack.encode(origin.key)
        rank = heard.get(key, 0)
        heard[key] = max(rank, origin.rank_end(batch.count))
        if origin.kind == OriginKind.SOURCE:
            return min(max(rank - origin.number, 0), batch.count)
        return batch.count if origin.rank < rank else 0

    def _undone(self, record: Record, closed: list[Closed]) -> list[Closed]:
        """Of the windows that close now, those that no output record has."""
        done = {window for trigger in self._emitted.get(record.sequence, ()) for window in trigger.closed}
        for window in done:
            self.aggregate.mark_closed(window)
        return [result for result in closed if result.window not in done]

    # ---- outputs -----------------------------------------------------------------------------------------------------

    def _write(self, record: Record, closed: list[Closed], late: list[int]) -> None:
        part = len(self._emitted.pop(record.sequence, ()))
        for group in _parts(closed) or ([[]] if late else []):
            self._output(record, group, tuple(late), part)
            late, part = [], part + 1

    def _output(self, record: Record, closed: list[Closed], late: tuple[int, ...], part: int) -> None:
        core, log = self._core, self._core.log
        rows = sorted(((log.define(self._key(result)), result) for result in closed), key=lambda row: row[0])
        payload = codec.encode(
            np.array([number for number, _ in rows], np.int64),
            np.array([result.window[2] for _, result in rows], np.int64),
            np.array([result.value for _, result in rows], np.float64),
        )
        context = self._context()
        stamp = None
        if core.options.provenance and rows:
            inputs = Lists(self.options.function, tuple(result.inputs for _, result in rows))
            stamp = Stamp(log.allocate(len(rows)), inputs, context, core.now_ms())
        trigger = Trigger(self._index, record.sequence, late, tuple(result.window for result in closed))
        origin = Origin(OriginKind.STEP, log.log, record.sequence, self._index, part)
        body = Batch(origin, log.log, len(rows), payload, stamp, trigger)
        self._last_output = log.append(Kind.OUT, body, readings=len(rows)).sequence
        core.appended()

    def _key(self, result: Closed) -> SeriesKey:
        entry, number, _ = result.window
        held = self._core.log.state.series.get((entry, number))
        if held is None or held.damaged:
            return SeriesKey(f"damaged:{entry.hex()}:{number}", f"damaged.{self.options.function}")
        return SeriesKey(held.meter, f"{held.metric}.{self.options.function}")

    def _context(self) -> bytes:
        return self._core.context(Aggregate.take, self._name)

    # ---- checkpoints -------------------------------------------------------------------------------------------------

    @property
    def file(self) -> str:
        """Where the checkpoint is saved."""
        return checkpoint_name(self._index)

    def checkpoint(self) -> bytes | None:
        """What to save of the fold; None when nothing is new, or not every output up to here is logged and synced."""
        if not self._between_records or self._last_output > self._core.log.durable or self.sequence == self.saved:
            return None
        held = Checkpoint(1, self._core.log.log, self.options.window_s, self.sequence, self.total, self.aggregate.fold)
        self._offered = self.sequence
        return encode_checkpoint(held)

    def saved_as(self, files: dict[str, bytes]) -> None:
        """The checkpoint given last is durable, if it is among these."""
        if self.file in files:
            self.saved = self._offered


def checkpoint_name(index: int) -> str:
    return f"checkpoint.{index}"


def encode_checkpoint(held: Checkpoint) -> bytes:
    """The content of a checkpoint file: two copies, each with a CRC32, for segments go on the strength of it."""
    data = zstandard.ZstdCompressor(level=1).compress(msgspec.msgpack.encode(held))
    return (data + _CRC.pack(zlib.crc32(data))) * 2


def decode_checkpoint(content: bytes) -> Checkpoint | None:
    """The checkpoint in a file, None when neither copy can be read."""
    half = len(content) // 2
    for copy in (content[:half], content[half:]):
        data = copy[: -_CRC.size]
        if data and copy[-_CRC.size :] == _CRC.pack(zlib.crc32(data)):
            plain = zstandard.ZstdDecompressor().decompress(data, max_output_size=CHECKPOINT_BYTES_MAX)
            return msgspec.msgpack.decode(plain, type=Checkpoint)
    return None


def load_checkpoint(disk: Disk, index: int, log: bytes, window_s: int) -> Checkpoint | None:
    """The saved fold of a step, None when there is none for this log and window: the step then starts over."""
    name = checkpoint_name(index)
    try:
        held = decode_checkpoint(disk.read(name, 0, disk.size(name)))
    except (NotFound, zstandard.ZstdError, msgspec.DecodeError):
        return None
    return held if held is not None and (held.version, held.log, held.window_s) == (1, log, window_s) else None


def _parts(closed: list[Closed]) -> list[list[Closed]]:
    """Cut results so that each output record is bounded."""
    parts: list[list[Closed]] = []
    runs = OUTPUTS_MAX * RUNS_MAX
    for result in closed:
        if not parts or len(parts[-1]) >= OUTPUTS_MAX or runs + len(result.inputs) > RUNS_MAX:
            parts.append([])
            runs = 0
        parts[-1].append(result)
        runs += len(result.inputs)
    return parts
