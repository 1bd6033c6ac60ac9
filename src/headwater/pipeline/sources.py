"""The receiving end for a numbered source: one without a log, which counts readings (PROTOCOL rule 11)."""

import numpy as np

from headwater.model.errors import Rejected
from headwater.model.reading import SeriesKey, check_key
from headwater.model.records import Kind, Position, Why
from headwater.model.stamp import Origin, OriginKind
from headwater.pipeline.connection import Connection
from headwater.pipeline.core import Core
from headwater.wire import codec
from headwater.wire import headwater_pb2 as pb

SOURCE_SERIES_MAX = 1 << 20


class SourceInflow(Connection):
    """One connection from a numbered source. Positions are numbers of readings, from 1."""

    def __init__(self, core: Core, hello: pb.Hello) -> None:
        super().__init__(core, hello)
        self._context = core.context(SourceInflow._enter)
        self._keys: dict[int, SeriesKey] = {}
        self._numbers: dict[int, int] = {}
        """The source's series numbers, as this log numbers them."""
        self.begin()
        if hello.first > self.position + 1:
            first = self.position + 1
            core.lose(Why.GAP, Position(self._upstream, hello.first - 1), first, hello.first - first)

    def take(self, up: pb.Up) -> list[pb.Down]:
        """Take one message in; Rejected ends the connection, a wrong batch costs only itself."""
        self.check_current()
        if not up.HasField("source"):
            raise Rejected("message", "batches of a source are expected on this connection")
        batch = up.source
        if batch.first < 1:
            raise Rejected("number", f"readings are numbered from 1, not from {batch.first}")
        if batch.first > self.position + 1:
            raise Rejected(
                "order", f"reading {batch.first} came while {self.position + 1} was expected of {self._upstream.hex()}"
            )
        try:
            self._name(batch)
            self._enter(batch)
        except Rejected as error:
            return [self._refused(batch, error)]
        return []

    def _refused(self, batch: pb.SourceBatch, error: Rejected) -> pb.Down:
        """Name the readings of a batch that cannot be read as lost, and go on behind them."""
        try:
            count = codec.count(batch.payload)
        except Rejected:
            raise error from None
        last = batch.first + count - 1
        self._core.refuse(error, count)
        if count and last > self.position:
            lost = last - self.position
            self._core.lose(Why.DAMAGED, Position(self._upstream, last), self.position + 1, lost)
        return pb.Down(refusal=pb.Refusal(reason=error.reason, detail=error.detail, sequence=batch.first))

    def _name(self, batch: pb.SourceBatch) -> None:
        for series in batch.series:
            check_key(series.meter, series.metric)
            if len(self._keys) >= SOURCE_SERIES_MAX:
                raise Rejected("series", f"a source may have {SOURCE_SERIES_MAX} series")
            self._keys[series.number] = SeriesKey(series.meter, series.metric)
            self._numbers.pop(series.number, None)

    def _enter(self, batch: pb.SourceBatch) -> None:
        columns = codec.decode(batch.payload)
        have = max(self.position + 1 - batch.first, 0)
        if have >= len(columns.series):
            return
        series = self._own_numbers(columns.series[have:], batch.first + have)
        number = batch.first + have
        core = self._core
        payload = codec.encode(series, columns.timestamps[have:], columns.values[have:])
        core.batch(
            Kind.DATA,
            Origin(OriginKind.SOURCE, self._upstream, number),
            core.log.log,
            len(series),
            payload,
            context=self._context,
            inputs=None,
            received_ms=core.now_ms(),
            sent_ms=batch.sent_ms or None,
            upstream=Position(self._upstream, number + len(series) - 1),
        )

    def _own_numbers(
        self, series: "np.ndarray[tuple[int], np.dtype[np.int64]]", number: int
    ) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
        """The series column in this log's numbers, defining what is new."""
        used, positions = np.unique(series, return_inverse=True)
        own = np.empty(len(used), np.int64)
        for at, theirs in enumerate(used.tolist()):
            found = self._numbers.get(theirs)
            if found is None:
                key = self._keys.get(theirs)
                if key is None:
                    raise Rejected("series", f"series {theirs} in the batch from reading {number} was never defined")
                found = self._numbers[theirs] = self._core.log.define(key)
            own[at] = found
        return own[positions]
