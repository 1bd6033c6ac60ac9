"""The step `python`: a function of the user's own, with the lineage of everything that it returns."""

import importlib
import operator
import threading
import traceback
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from headwater.model.errors import ConfigError, Rejected
from headwater.model.ids import IdRun
from headwater.model.reading import Reading, SeriesKey, check_key
from headwater.model.stamp import Lists
from headwater.pipeline.step_options import PythonOptions
from headwater.pipeline.steps.aggregate import add_run
from headwater.pipeline.steps.names import Names, Selection, series_in
from headwater.pipeline.steps.portion import NOTHING, Made, Portion, Recorded, chosen
from headwater.wire.codec import Columns

Row = tuple[Any, ...]
Function = Callable[[list[Reading]], Iterable[Row]]
Outcome = list[Row] | BaseException

RUNS_MAX = 65_536
HANGING_MAX = 4
"""How many calls may have been given up on; then batches are refused until one returns."""
FAULT_CHARACTERS_MAX = 500
TIME_MAX = (1 << 63) - 1


def load(call: str) -> Function:
    """The function that package.module:function names; ConfigError when there is none."""
    module, _, name = call.partition(":")
    try:
        found = operator.attrgetter(name)(importlib.import_module(module))
    except Exception as error:
        raise ConfigError(f'call = "{call}": cannot be imported: {type(error).__name__}: {error}') from None
    if not callable(found):
        raise ConfigError(f'call = "{call}" is no function, but {type(found).__name__}')
    function: Function = found
    return function


class Call(NamedTuple):
    """A call of the user's function, in a thread of its own."""

    outcome: "Future[Outcome]"
    timeout_s: float


class Python:
    """Every batch is a call. What goes wrong in it costs what the step concerns of that batch, and is recorded."""

    def __init__(self, options: PythonOptions, names: Names, function: Function) -> None:
        self.options = options
        self._names = names
        self._selection = Selection(options)
        self._function = function
        self._contribution = options.contribution or options.call.rpartition(":")[2]
        self._hanging: list[Call] = []

    @property
    def code(self) -> Callable[..., object]:
        return self._function

    def take(self, portion: Portion, recorded: list[Recorded]) -> list[Made]:
        """As `turns`, waiting for the call."""
        turns = self.turns(portion, recorded)
        try:
            while True:
                wait([next(turns).outcome], self.options.timeout_s)
        except StopIteration as end:
            made: list[Made] = end.value
            return made

    def turns(self, portion: Portion, recorded: list[Recorded]) -> Generator[Call, None, list[Made]]:
        """Gives the call that is under way, to go on when it is done or has taken too long."""
        concerned = self._selection.of(portion, self._names)
        known = {held.part for held in recorded}
        part, made = 2 * portion.part, []
        if self.options.output == "replace" and part not in known and not concerned.all():
            columns, inputs = chosen(portion, ~concerned)
            made.append(Made(part, portion.entry, columns, inputs, portion.readings, consumed=portion.part))
        if part + 1 in known or not concerned.any():
            return made
        positions = np.flatnonzero(concerned).tolist()
        readings = self._readings(portion)
        fault, found = "", None
        try:
            call = self._begin([readings[position] for position in positions])
            yield call
            found = self._made(self._ended(call), portion, positions)
        except Rejected as error:
            fault = error.detail
        if found is not None:
            made.append(Made(part + 1, self._names.own, *found, portion.readings, True, portion.part))
        elif fault:
            made.append(Made(part + 1, self._names.own, NOTHING, None, consumed=portion.part, fault=fault))
        return made

    def _readings(self, portion: Portion) -> list[Reading]:
        series = series_in(portion, self._names)
        keys = [series.keys[at] for at in series.at.tolist()]
        times, values = portion.columns.timestamps.tolist(), portion.columns.values.tolist()
        return [
            Reading(key.meter, key.metric, at_ms, value) for key, at_ms, value in zip(keys, times, values, strict=True)
        ]

    # ---- the call ----------------------------------------------------------------------------------------------------

    def _begin(self, given: list[Reading]) -> Call:
        self._hanging = [call for call in self._hanging if not call.outcome.done()]
        if len(self._hanging) >= HANGING_MAX:
            raise self._rejected(f"{HANGING_MAX} earlier calls have not returned")
        call = Call(Future(), self.options.timeout_s)
        threading.Thread(target=self._run, args=(given, call.outcome), daemon=True, name=str(self.options)).start()
        return call

    def _run(self, given: list[Reading], outcome: "Future[Outcome]") -> None:
        rows: list[Row] = []
        try:
            for row in self._function(given):
                rows.append(row)
                if len(rows) > self.options.outputs_max:
                    raise self._rejected(f"more than {self.options.outputs_max} readings of {len(given)}")
        except BaseException as error:
            outcome.set_result(error)
        else:
            outcome.set_result(rows)

    def _ended(self, call: Call) -> list[Row]:
        """What the function returned; Rejected("step-function") says what went wrong, and where."""
        if not call.outcome.done():
            self._hanging.append(call)
            raise self._rejected(f"not done after {self.options.timeout_s:g} s")
        found = call.outcome.result()
        if isinstance(found, Rejected):
            raise found
        if isinstance(found, BaseException):
            raise self._rejected(_place_of(found))
        return found

    def _rejected(self, what: str) -> Rejected:
        return Rejected("step-function", f"{self.options.call}: {what}"[:FAULT_CHARACTERS_MAX])

    # ---- what it returned --------------------------------------------------------------------------------------------

    def _made(self, rows: list[Row], portion: Portion, positions: list[int]) -> tuple[Columns, Lists] | None:
        checked = [self._checked(number, row, len(positions)) for number, row in enumerate(rows, 1)]
        if not checked:
            return None
        runs = [_runs(portion.run, [positions[at] for at in inputs]) for *_, inputs in checked]
        if sum(map(len, runs)) > RUNS_MAX:
            raise self._rejected(f"its outputs have {sum(map(len, runs))} stretches of inputs, {RUNS_MAX} at most")
        numbers = [self._names.define(key) for key, *_ in checked]
        order = sorted(range(len(numbers)), key=numbers.__getitem__)
        columns = Columns(
            np.array([numbers[at] for at in order], np.int64),
            np.array([checked[at][1] for at in order], np.int64),
            np.array([checked[at][2] for at in order], np.float64),
        )
        return columns, Lists(self._contribution, tuple(runs[at] for at in order))

    def _checked(self, number: int, row: Any, count: int) -> tuple[SeriesKey, int, float, list[int]]:
        """One output, with what is wrong with it in a sentence."""
        try:
            meter, metric, timestamp, value, inputs = row
            key, at_ms, positions = (
                SeriesKey(meter, metric),
                operator.index(timestamp),
                list(map(operator.index, inputs)),
            )
            check_key(*key)
            found = (key, at_ms, float(value), positions)
        except Rejected as error:
            raise self._rejected(f"output {number}: {error.detail}") from None
        except (TypeError, ValueError, OverflowError) as error:
            raise self._rejected(
                f"output {number} is no (meter, metric, timestamp in ms, value, positions of its inputs): {error}"
            ) from None
        if not -TIME_MAX <= at_ms <= TIME_MAX:
            raise self._rejected(f"output {number}: the timestamp {at_ms} is out of range")
        if not positions:
            raise self._rejected(f"output {number} names no inputs")
        if not all(0 <= position < count for position in positions):
            raise self._rejected(f"output {number} names an input that is none of the {count} readings of its batch")
        return found

    # ---- no state ----------------------------------------------------------------------------------------------------

    def close_all(self, recorded: list[Recorded]) -> list[Made]:
        return []

    def recall(self, portion: Portion, recorded: Recorded) -> None:
        return None

    def state(self) -> object:
        return None

    def restore(self, state: msgspec.Raw) -> None:
        return None


def _runs(run: IdRun | None, positions: list[int]) -> tuple[IdRun, ...]:
    runs: list[IdRun] = []
    if run is not None:
        for position in positions:
            add_run(runs, run.part(position, 1))
    return tuple(runs)


def _place_of(error: BaseException) -> str:
    """What was raised, and the line that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}: {error}{place}"
