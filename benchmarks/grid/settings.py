"""What is measured, as a matrix: shapes, contexts and buffers, each setting once in every repeat."""

import statistics
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

import msgspec

from benchmarks.grid.load import CONTEXTS
from benchmarks.grid.network import Network
from benchmarks.grid.shapes import network_of, shape

TRIES = 3


class Setting(NamedTuple):
    """One topology as it is measured."""

    shape: str
    context: str
    buffer: int
    """`BUFFER_CAPACITY`: the least data points whose stamps an agent ships together."""
    seconds: float
    """How long the sensors send."""

    @property
    def name(self) -> str:
        return f"{self.shape}, {self.context}, buffer {self.buffer}, {self.seconds:g} s"

    @property
    def none(self) -> "Setting":
        """The same without provenance."""
        return self._replace(context="none")

    @property
    def metrics(self) -> str:
        """The columns that stamps record, for a CSV."""
        return " ".join(CONTEXTS[self.context] or ("none",))


class Measured(Protocol):
    """A run of one setting."""

    @property
    def setting(self) -> Setting: ...


R = TypeVar("R", bound=Measured)
Measure = Callable[[Setting, Path, Network | None], R]


class Spread(msgspec.Struct, frozen=True):
    """A figure over all repeats."""

    median: float
    min: float
    max: float

    def text(self, digits: int = 1) -> str:
        """Median and range."""
        return f"{self.median:.{digits}f} [{self.min:.{digits}f} to {self.max:.{digits}f}]"


def settings(
    shapes: Iterable[str], contexts: Sequence[str], buffers: Iterable[int], seconds: Callable[[str, int], float]
) -> list[Setting]:
    """Everything to measure in one repeat, by shape and buffer; `seconds` of a context and a buffer.

    Bytes and latencies compare only with a run that lasted as long: where the one without provenance lasts longer than
    others, it runs once more for as long as they do.
    """
    found: list[Setting] = []
    for shape_name in shapes:
        for buffer in buffers:
            chosen = [Setting(shape_name, one, buffer, seconds(one, buffer)) for one in CONTEXTS if one in contexts]
            others = [one.none for one in chosen if "none" in contexts]
            found += dict.fromkeys([*chosen, *others])
    return found


def in_rounds(wanted: Sequence[Setting], repeats: int, has_network: bool, measure: Measure[R]) -> list[list[R]]:
    """Measure every setting once in every repeat, every other repeat backwards, each in a folder of its own."""
    rounds: list[list[R]] = [[] for _ in range(repeats)]
    for name in dict.fromkeys(one.shape for one in wanted):
        of_shape = [one for one in wanted if one.shape == name]
        network = network_of(shape(name)) if has_network else None
        if network is not None:
            network.build()
        for number, measured in enumerate(rounds, 1):
            for setting in of_shape if number % 2 else reversed(of_shape):
                measured.append(_once(setting, network, measure))
                print(f"repeat {number}, {measured[-1]}", flush=True)
    return rounds


def _once(setting: Setting, network: Network | None, measure: Measure[R]) -> R:
    """One run; taken again when the machine was too busy for it to start or to deliver, as a matrix takes hours."""
    for left in reversed(range(TRIES)):
        try:
            with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder:
                return measure(setting, Path(folder), network)
        except TimeoutError as error:
            if not left:
                raise
            print(f"{setting.name}: {error}; once more", flush=True)
    raise AssertionError


def spread(values: Sequence[float]) -> Spread:
    """The figures of at least one value."""
    return Spread(statistics.median(values), min(values), max(values))


def over_repeats(rounds: Sequence[Sequence[R]], figure: Callable[[R], float]) -> dict[str, Spread]:
    """By setting a figure of its runs."""
    found: dict[str, list[float]] = {}
    for run in (run for repeat in rounds for run in repeat):
        found.setdefault(run.setting.name, []).append(figure(run))
    return {name: spread(values) for name, values in found.items()}


def to_none(rounds: Sequence[Sequence[R]], figure: Callable[[R], float]) -> dict[str, Spread]:
    """By setting a figure against the same without provenance, taken within a repeat."""
    ratios: dict[str, list[float]] = {}
    for repeat in rounds:
        by_setting = {run.setting: figure(run) for run in repeat}
        for setting, value in by_setting.items():
            if base := by_setting.get(setting.none):
                ratios.setdefault(setting.name, []).append(value / base)
    return {name: spread(values) for name, values in ratios.items()}
