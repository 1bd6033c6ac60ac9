"""The receiving end for a numbered source: one without a log, which counts readings (PROTOCOL rule 11)."""

import numpy as np
from numpy.typing import NDArray

from headwater.model.errors import Rejected
from headwater.model.reading import SeriesKey, check_key
from headwater.model.records import Kind, Position, Why
from headwater.model.stamp import Origin, OriginKind
from headwater.pipeline.connection import Connection
from headwater.pipeline.core import Core
from headwater.wire import codec
from headwater.wire import headwater_pb2 as pb

SOURCE_SERIES_MAX = 1 << 20

Numbers = NDArray[np.int64]


class SourceInflow(Connection):
    """One connection from a numbered source. Positions are numbers of readings, from 1."""

    def __init__(self, core: Core, hello: pb.Hello) -> None:
        super().__init__(core, hello)
        self._keys: dict[int, SeriesKey] = {}
        self._theirs = np.empty(0, np.int64)
        """The source's series numbers that were used so far, rising."""
        self._ours = np.empty(0, np.int64)
        """The same series, as this log numbers them."""
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
            key = SeriesKey(series.meter, series.metric)
            if self._keys.get(series.number, key) != key:
                self._theirs, self._ours = self._theirs[:0], self._ours[:0]
            self._keys[series.number] = key

    def _enter(self, batch: pb.SourceBatch) -> None:
        count = codec.count(batch.payload)
        have = max(self.position + 1 - batch.first, 0)
        if have >= count:
            codec.decode(batch.payload)  # What is here already may still be malformed.
            return
        first = batch.first + have
        payload = codec.renumbered(batch.payload, lambda series: self._own(series, first))
        if have:
            columns = codec.decode(payload)
            payload = codec.encode(columns.series[have:], columns.timestamps[have:], columns.values[have:])
        core = self._core
        core.batch(
            Kind.DATA,
            Origin(OriginKind.SOURCE, self._upstream, first),
            core.log.log,
            count - have,
            payload,
            context=core.context(SourceInflow._enter),
            inputs=None,
            received_ms=core.now_ms(),
            sent_ms=batch.sent_ms or None,
            upstream=Position(self._upstream, batch.first + count - 1),
        )

    def _own(self, series: Numbers, first: int) -> Numbers:
        """The source's series numbers as this log has them, defining what is new."""
        places = np.searchsorted(self._theirs, series)
        if not len(self._theirs) or (self._theirs.take(places, mode="clip") != series).any():
            self._learn(np.setdiff1d(series, self._theirs), first)
            places = np.searchsorted(self._theirs, series)
        return self._ours.take(places)

    def _learn(self, new: Numbers, first: int) -> None:
        ours = np.array([self._define(number, first) for number in new.tolist()], np.int64)
        theirs = np.concatenate((self._theirs, new))
        order = np.argsort(theirs)
        self._theirs, self._ours = theirs[order], np.concatenate((self._ours, ours))[order]

    def _define(self, number: int, first: int) -> int:
        key = self._keys.get(number)
        if key is None:
            raise Rejected("series", f"series {number} in the batch from reading {first} was never defined")
        return self._core.log.define(key)
