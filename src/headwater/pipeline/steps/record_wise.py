"""Steps that treat each batch by itself: filter, scale, round, sample, deduplicate, mask."""

import hashlib
import struct
from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from headwater.model.reading import SeriesKey
from headwater.pipeline.deduplicate import Window
from headwater.pipeline.expression import Condition, Scope
from headwater.pipeline.step_options import (
    DeduplicateOptions,
    FilterOptions,
    MaskOptions,
    RoundOptions,
    SampleOptions,
    ScaleOptions,
    StepOptions,
)
from headwater.pipeline.steps.names import NAMES_MAX, Names, Selection, series_in
from headwater.pipeline.steps.portion import Made, Portion, Recorded, chosen
from headwater.pipeline.units import conversion
from headwater.wire.codec import Columns

PSEUDONYM_BYTES = 8
WHOLE_FROM = 2.0**52
"""Doubles from here on are whole numbers."""

_BITS = struct.Struct("<d")


class Treated:
    """What a step makes of a portion, reading by reading: which are kept, and the columns that take their place."""

    def __init__(self, kept: NDArray[np.bool_], columns: Columns, entry: bytes, renamed: bool = False) -> None:
        self.kept = kept
        self.columns = columns
        self.entry = entry
        self.renamed = renamed


class RecordWise:
    """One output batch for each batch that comes in, of the same readings or some of them."""

    def __init__(self, options: StepOptions, names: Names) -> None:
        self.options = options
        self.names = names
        self.selection = Selection(options)

    @property
    def code(self) -> Callable[..., object]:
        return type(self)

    def take(self, portion: Portion, recorded: list[Recorded]) -> list[Made]:
        concerned = self.selection.of(portion, self.names)
        treated = self.treat(portion, concerned)
        kept = treated.kept if self.options.output == "replace" else treated.kept & concerned
        if any(held.part == portion.part for held in recorded) or not kept.any():
            return []
        columns, inputs = chosen(portion, kept, treated.columns)
        return [Made(portion.part, treated.entry, columns, inputs, portion.readings, treated.renamed, portion.part)]

    def treat(self, portion: Portion, concerned: NDArray[np.bool_]) -> Treated:
        """What becomes of each reading; one that is not concerned is kept as it is."""
        raise NotImplementedError

    def close_all(self, recorded: list[Recorded]) -> list[Made]:
        return []

    def recall(self, portion: Portion, recorded: Recorded) -> None:
        return None

    def state(self) -> object:
        return None

    def restore(self, state: msgspec.Raw) -> None:
        return None


class _Keeping(RecordWise):
    """A step that lets readings through as they are, or not."""

    def treat(self, portion: Portion, concerned: NDArray[np.bool_]) -> Treated:
        return Treated(~concerned | self.keep(portion, concerned), portion.columns, portion.entry)

    def keep(self, portion: Portion, concerned: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """For each reading that is concerned whether it goes on; what it says of others does not matter."""
        raise NotImplementedError


class Filter(_Keeping):
    def __init__(self, options: FilterOptions, names: Names) -> None:
        super().__init__(options, names)
        self._condition = Condition(options.where)

    def keep(self, portion: Portion, concerned: NDArray[np.bool_]) -> NDArray[np.bool_]:
        series = series_in(portion, self.names)
        meters, metrics = [key.meter for key in series.keys], [key.metric for key in series.keys]
        return self._condition.of(Scope(meters, metrics, series.at, *portion.columns[1:]))


class Deduplicate(_Keeping):
    """Remembers the last readings, over all series."""

    def __init__(self, options: DeduplicateOptions, names: Names) -> None:
        super().__init__(options, names)
        self._window = options.window
        self._with_value = options.by == "value"
        self._seen = Window(options.window)

    def keep(self, portion: Portion, concerned: NDArray[np.bool_]) -> NDArray[np.bool_]:
        entry, first_time, pack = portion.entry, self._seen.first_time, _BITS.pack
        rows = zip(concerned.tolist(), *(column.tolist() for column in portion.columns), strict=True)
        with_value = self._with_value
        return np.array(
            [
                asked and first_time((entry, number, timestamp, pack(value) if with_value else b""))
                for asked, number, timestamp, value in rows
            ],
            np.bool_,
        )

    def recall(self, portion: Portion, recorded: Recorded) -> None:
        self.keep(portion, self.selection.of(portion, self.names))

    def state(self) -> object:
        return self._seen.things

    def restore(self, state: msgspec.Raw) -> None:
        self._seen = Window(self._window)
        for thing in msgspec.msgpack.decode(state, type=list[tuple[bytes, int, int, bytes]]):
            self._seen.first_time(thing)


class Sample(_Keeping):
    """Remembers for each series how many readings came, or the interval of the last one that went on."""

    def __init__(self, options: SampleOptions, names: Names) -> None:
        super().__init__(options, names)
        self._every = options.every
        self._interval_ms = options.interval_ms or 1
        self._last: dict[tuple[bytes, int], int] = {}

    def keep(self, portion: Portion, concerned: NDArray[np.bool_]) -> NDArray[np.bool_]:
        entry, columns = portion.entry, portion.columns
        decide = self._nth if self._every is not None else self._first_in_interval
        rows = zip(concerned.tolist(), columns.series.tolist(), columns.timestamps.tolist(), strict=True)
        return np.array([asked and decide((entry, number), at_ms) for asked, number, at_ms in rows], np.bool_)

    def _nth(self, series: tuple[bytes, int], timestamp: int) -> bool:
        """The first one, and every n-th behind it."""
        count = self._last.get(series, 0)
        self._last[series] = (count + 1) % (self._every or 1)
        return count == 0

    def _first_in_interval(self, series: tuple[bytes, int], timestamp: int) -> bool:
        """The first one of each interval; what comes for an earlier interval is too late."""
        interval = timestamp // self._interval_ms
        last = self._last.get(series)
        if last is not None and interval <= last:
            return False
        self._last[series] = interval
        return True

    def recall(self, portion: Portion, recorded: Recorded) -> None:
        self.keep(portion, self.selection.of(portion, self.names))

    def state(self) -> object:
        return [(*series, last) for series, last in self._last.items()]

    def restore(self, state: msgspec.Raw) -> None:
        rows = msgspec.msgpack.decode(state, type=list[tuple[bytes, int, int]])
        self._last = {(entry, number): last for entry, number, last in rows}


class _Changing(RecordWise):
    """A step that changes values, timestamps or names, one for one."""

    def __init__(self, options: StepOptions, names: Names, rename: Callable[[SeriesKey], SeriesKey] | None) -> None:
        super().__init__(options, names)
        self._rename = rename
        self._numbers: dict[tuple[bytes, int], int] = {}

    def treat(self, portion: Portion, concerned: NDArray[np.bool_]) -> Treated:
        series, timestamps, values = portion.columns
        entry = portion.entry
        if self._rename is not None:
            entry, series = self.names.own, self._renamed(portion)
        new_times = np.where(concerned, self.timestamps(timestamps), timestamps)
        new_values = np.where(concerned, self.values(values), values)
        everything = np.ones(len(concerned), np.bool_)
        renamed = self._rename is not None or not np.array_equal(new_times, timestamps)
        return Treated(everything, Columns(series, new_times, new_values), entry, renamed)

    def _renamed(self, portion: Portion) -> NDArray[np.int64]:
        """The series as this log numbers them, under their new names; also those that keep theirs."""
        series = series_in(portion, self.names)
        own = np.empty(len(series.numbers), np.int64)
        for at, (number, key) in enumerate(zip(series.numbers, series.keys, strict=True)):
            known = self._numbers.get((portion.entry, number))
            if known is None:
                if len(self._numbers) >= NAMES_MAX:
                    self._numbers.clear()
                name = self._rename(key) if self._rename is not None and self.selection.has(key) else key
                known = self._numbers[portion.entry, number] = self.names.define(name)
            own[at] = known
        return own[series.at]

    def timestamps(self, timestamps: NDArray[np.int64]) -> NDArray[np.int64]:
        return timestamps

    def values(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return values


class Scale(_Changing):
    def __init__(self, options: ScaleOptions, names: Names) -> None:
        metric = options.metric
        rename = None if metric is None else lambda key: SeriesKey(key.meter, metric.replace("{metric}", key.metric))
        super().__init__(options, names, rename)
        self._unit = conversion(options.convert) if options.convert is not None else None
        self._factor, self._offset = options.factor, options.offset

    def values(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(all="ignore"):
            if self._unit is not None:
                factor, offset = self._unit
                # Dividing by 1000 rounds once, multiplying by a rounded 0.001 twice.
                values = values * float(factor) if factor >= 1 else values / float(1 / factor)
                values = values + float(offset) if offset else values
            values = values * self._factor if self._factor != 1 else values
            return values + self._offset if self._offset else values


class Round(_Changing):
    def __init__(self, options: RoundOptions, names: Names) -> None:
        super().__init__(options, names, None)
        self._step = options.step
        self._decimals = options.decimals if options.decimals is not None else _decimals_of(options.step or 1.0)

    def values(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(all="ignore"):
            found = values
            if self._step is not None:
                found = np.rint(values / self._step) * self._step
            if self._decimals is not None:
                whole = np.abs(found) >= WHOLE_FROM
                found = np.where(whole, found, np.round(found, self._decimals))
        return np.where(np.isfinite(found), found, values)


def _decimals_of(step: float) -> int | None:
    """How many decimals a step is written with, so that its multiples have no more; None for a very fine one."""
    text = format(step, ".15f").rstrip("0")
    decimals = len(text.partition(".")[2])
    return decimals if float(text) == step else None


class Mask(_Changing):
    """Pseudonyms are the same wherever the key is the same; without the key nobody can compute or undo them."""

    def __init__(self, options: MaskOptions, names: Names, key: bytes | None) -> None:
        super().__init__(options, names, None if key is None else lambda key_: pseudonym(key_, key))
        self._interval_ms = options.interval_ms

    def timestamps(self, timestamps: NDArray[np.int64]) -> NDArray[np.int64]:
        if self._interval_ms is None:
            return timestamps
        cut = timestamps - timestamps % self._interval_ms
        return np.where(cut > timestamps, timestamps, cut)  # There is no time before the first.


def pseudonym(key: SeriesKey, secret: bytes) -> SeriesKey:
    """The series as it is called to others."""
    digest = hashlib.blake2b(key.meter.encode(), digest_size=PSEUDONYM_BYTES, key=secret, person=b"headwater.mask")
    return SeriesKey(digest.hexdigest(), key.metric)
