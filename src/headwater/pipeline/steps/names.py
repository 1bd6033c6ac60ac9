"""What series are called, as steps ask it: which of them a step concerns, and what their outputs are called."""

import re
from collections.abc import Sequence
from fnmatch import translate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headwater.log.writer import NodeLog
from headwater.model.reading import SeriesKey
from headwater.pipeline.step_options import StepOptions
from headwater.pipeline.steps.portion import Portion

NAMES_MAX = 100_000
"""How many series each step remembers something about; then it asks again."""


class Names:
    """The names that one step of a chain meets and gives."""

    def __init__(self, log: NodeLog, hides: bool) -> None:
        self._log = log
        self._hides = hides
        """Whether a mask comes behind the step: its names stay here."""

    def key_of(self, entry: bytes, number: int) -> SeriesKey:
        """What a series is called; one whose name is lost is called damaged."""
        held = self._log.state.series.get((entry, number))
        if held is None or held.damaged:
            return SeriesKey(f"damaged:{entry.hex()}:{number}", "damaged")
        return SeriesKey(held.meter, held.metric)

    def define(self, key: SeriesKey) -> int:
        """The number of a series of this log; Rejected("series") when there are too many."""
        return self._log.define(key, self._hides)

    @property
    def own(self) -> bytes:
        """This log, whose definitions name the series of what is made here."""
        return self._log.log


class SeriesIn(NamedTuple):
    """The series of a portion, each once."""

    numbers: list[int]
    keys: list[SeriesKey]
    at: NDArray[np.int64]
    """For each reading the position of its series in the lists."""


def series_in(portion: Portion, names: Names) -> SeriesIn:
    numbers, at = np.unique(portion.columns.series, return_inverse=True)
    listed = numbers.tolist()
    return SeriesIn(listed, [names.key_of(portion.entry, number) for number in listed], at.astype(np.int64, copy=False))


class Selection:
    """The series that a step concerns, by patterns."""

    def __init__(self, options: StepOptions) -> None:
        self.all = not options.meters and not options.metrics
        self._meters = _matcher(options.meters)
        self._metrics = _matcher(options.metrics)
        self._known: dict[SeriesKey, bool] = {}

    def has(self, key: SeriesKey) -> bool:
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= NAMES_MAX:
                self._known.clear()
            found = self._meters(key.meter) and self._metrics(key.metric)
            self._known[key] = found
        return found

    def of(self, portion: Portion, names: Names) -> NDArray[np.bool_]:
        """For each reading whether the step concerns it."""
        if self.all:
            return np.ones(len(portion.columns.series), np.bool_)
        series = series_in(portion, names)
        return np.array([self.has(key) for key in series.keys], np.bool_)[series.at]


class _matcher:
    """Whether a name fits one of some patterns; any does when there is none."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._pattern = re.compile("|".join(map(translate, patterns))) if patterns else None

    def __call__(self, name: str) -> bool:
        return self._pattern is None or self._pattern.match(name) is not None
