"""What goes from step to step: readings with the ids that they have, and what a step makes of them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headwater.model.ids import IdRun
from headwater.model.records import Trigger
from headwater.model.stamp import Inputs, Same, Select
from headwater.wire.codec import Columns

Window = tuple[bytes, int, int]
"""(entry log id, series number, window start in ms)"""


class Portion(NamedTuple):
    """Readings of one batch on their way through the steps."""

    entry: bytes
    """The log whose definitions the series numbers name."""
    columns: Columns
    run: IdRun | None
    """Their ids; None without provenance."""
    readings: bool = True
    """False for what a step of an earlier node derived: aggregates do not take it in."""
    part: int = 0
    """Which part of the outputs of the step before this is; 0 for what came in."""
    first: int = 0
    """The position in its batch of the first of these readings."""


class Made(NamedTuple):
    """One output record to be: what a step made, and of what."""

    part: int
    entry: bytes
    columns: Columns
    inputs: Inputs | None
    """None when the inputs have no ids, or nothing was made."""
    readings: bool = True
    """Whether it was made of readings, not of what was derived before."""
    renamed: bool = False
    consumed: int = 0
    late: tuple[int, ...] = ()
    closed: tuple[Window, ...] = ()
    fault: str = ""


class Recorded(NamedTuple):
    """An output that is in the log already."""

    sequence: int
    part: int
    trigger: Trigger


NOTHING = Columns(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))


def chosen(portion: Portion, kept: NDArray[np.bool_], columns: Columns | None = None) -> tuple[Columns, Inputs | None]:
    """The kept ones of some readings, or of `columns` made of them one for one, and the inputs of these."""
    columns = portion.columns if columns is None else columns
    if kept.all():
        return columns, Same(portion.run) if portion.run is not None else None
    bits = np.packbits(kept, bitorder="little").tobytes()
    inputs = Select(portion.run, bits) if portion.run is not None else None
    return some(columns, kept), inputs


def some(columns: Columns, which: slice | NDArray[np.bool_]) -> Columns:
    """Some of the readings."""
    return Columns(columns.series[which], columns.timestamps[which], columns.values[which])
