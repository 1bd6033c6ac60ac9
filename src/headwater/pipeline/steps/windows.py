"""The step `aggregate` in a chain: readings into windows, windows into outputs."""

from collections.abc import Callable, Iterable

import msgspec
import numpy as np

from headwater.model.reading import SeriesKey
from headwater.model.stamp import Lists
from headwater.pipeline.step_options import AggregateOptions
from headwater.pipeline.steps.aggregate import Aggregate, Closed, Fold
from headwater.pipeline.steps.names import Names, Selection
from headwater.pipeline.steps.portion import NOTHING, Made, Portion, Recorded, Window, chosen, some
from headwater.pipeline.steps.sliding import Sliding
from headwater.wire.codec import Columns

OUTPUTS_MAX = 4096
RUNS_MAX = 65_536
"""The most windows and input runs in one output record; a trigger that closes more writes several."""
PASSED = 1 << 15
"""Parts from here on are readings that the step does not concern, on their way past it."""


class Windows:
    """Closed windows come out first, then what is not concerned: ranks rise along every path (rule 10)."""

    def __init__(self, options: AggregateOptions, names: Names) -> None:
        self.options = options
        self._names = names
        self._selection = Selection(options)
        self.aggregate: Aggregate | Sliding = self._begun(None)

    def _begun(self, fold: Fold | None) -> Aggregate | Sliding:
        kind = Sliding if self.options.slide_s is not None else Aggregate
        return kind(self.options, fold)

    @property
    def code(self) -> Callable[..., object]:
        return Aggregate.take

    @property
    def late(self) -> int:
        """Readings that came when their window was closed."""
        return self.aggregate.fold.late

    def take(self, portion: Portion, recorded: list[Recorded]) -> list[Made]:
        if not portion.readings:
            return []
        concerned = self._selection.of(portion, self._names)
        positions = np.flatnonzero(concerned)
        everything = len(positions) == len(concerned)
        if everything:
            closed, late = self.aggregate.take(portion.entry, portion.columns, portion.run)
        else:
            closed, late = self._take_some(portion, positions.tolist())
        late = [position + portion.first for position in late]
        self.aggregate.fold.late += len(late)
        of_this = [held for held in recorded if held.trigger.consumed == portion.part]
        known_late = {position for held in of_this for position in held.trigger.late}
        new = self._outputs(closed, [p for p in late if p not in known_late], portion.part, recorded)
        if not everything and self.options.output == "replace":
            new += self._passed(portion, ~concerned, recorded)
        return new

    def _take_some(self, portion: Portion, positions: list[int]) -> tuple[list[Closed], list[int]]:
        """Fold in the readings at some positions, stretch by stretch: their ids have gaps."""
        closed: list[Closed] = []
        late: list[int] = []
        columns, run, at = portion.columns, portion.run, 0
        while at < len(positions):
            first = positions[at]
            end = at
            while end < len(positions) and positions[end] == first + end - at:
                end += 1
            part = run.part(first, end - at) if run is not None else None
            stretch = some(columns, slice(first, first + end - at))
            found, behind = self.aggregate.take(portion.entry, stretch, part)
            closed += found
            late += [first + position for position in behind]
            at = end
        return closed, late

    def close_all(self, recorded: list[Recorded]) -> list[Made]:
        return self._outputs(self.aggregate.close_all(), [], 0, recorded)

    def recall(self, portion: Portion, recorded: Recorded) -> None:
        """Close what a record says is closed, also when what closed it is damaged now."""
        self.aggregate.fold.late += len(recorded.trigger.late)
        self._mark(recorded.trigger.closed)

    def state(self) -> object:
        return self.aggregate.fold

    def restore(self, state: msgspec.Raw) -> None:
        self.aggregate = self._begun(msgspec.msgpack.decode(state, type=Fold))

    # ---- outputs -----------------------------------------------------------------------------------------------------

    def _mark(self, windows: Iterable[Window]) -> None:
        for window in windows:
            self.aggregate.mark_closed(window)

    def _outputs(self, closed: list[Closed], late: list[int], consumed: int, recorded: list[Recorded]) -> list[Made]:
        """The output records of what closed and was late, but for the windows that a record has."""
        done = {window for held in recorded for window in held.trigger.closed}
        self._mark(done)
        part = max((held.part + 1 for held in recorded if held.part < PASSED), default=0)
        made: list[Made] = []
        groups = _parts([result for result in closed if result.window not in done])
        for group in groups or ([[]] if late else []):
            made.append(self._output(part + len(made), group, tuple(late), consumed))
            late = []
        return made

    def _output(self, part: int, closed: list[Closed], late: tuple[int, ...], consumed: int) -> Made:
        rows = sorted(((self._number(result), result) for result in closed), key=lambda row: row[0])
        if not rows:
            return Made(part, self._names.own, NOTHING, None, consumed=consumed, late=late)
        columns = Columns(
            np.array([number for number, _ in rows], np.int64),
            np.array([result.window[2] for _, result in rows], np.int64),
            np.array([result.value for _, result in rows], np.float64),
        )
        inputs = Lists(self.options.function, tuple(result.inputs for _, result in rows))
        windows = tuple(result.window for result in closed)
        return Made(part, self._names.own, columns, inputs, consumed=consumed, late=late, closed=windows)

    def _number(self, result: Closed) -> int:
        key = self._names.key_of(*result.window[:2])
        return self._names.define(SeriesKey(key.meter, f"{key.metric}.{self.options.function}"))

    def _passed(
        self, portion: Portion, kept: "np.ndarray[tuple[int], np.dtype[np.bool_]]", recorded: list[Recorded]
    ) -> list[Made]:
        part = PASSED | portion.part
        if any(held.part == part for held in recorded) or not kept.any():
            return []
        columns, inputs = chosen(portion, kept)
        return [Made(part, portion.entry, columns, inputs, consumed=portion.part)]


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
