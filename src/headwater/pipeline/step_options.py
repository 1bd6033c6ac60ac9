"""What `[[node.step]]` can be told: the kinds of step, their keys, defaults and bounds."""

import math
import re
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from headwater.model.errors import ConfigError
from headwater.pipeline.expression import Condition
from headwater.pipeline.units import conversion

PATTERNS_MAX = 1000
Patterns = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=256)], ...], Meta(max_length=PATTERNS_MAX)]
Seconds = Annotated[int, Meta(gt=0, le=366 * 86_400)]
Milliseconds = Annotated[int, Meta(gt=0, le=366 * 86_400_000)]
Output = Literal["add", "replace"]
PANES_MAX = 1500
"""The most windows that a reading may be in."""

_CALL = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


class _Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What all steps have."""

    meters: Patterns = ()
    """Meters that the step concerns, as patterns of *, ? and [...]; none given: all."""
    metrics: Patterns = ()
    """Metrics that the step concerns, likewise."""
    output: Output = "replace"
    """`replace` puts what the step makes in the place of what it consumed, `add` beside it."""


class AggregateOptions(_Options, frozen=True, kw_only=True, tag="aggregate"):
    """One value per series and event-time window, made from all readings of the window."""

    function: Literal["average", "sum", "min", "max", "count", "last"]
    window_s: Seconds
    slide_s: Seconds | None = None
    """A window begins every so many seconds, so windows overlap; it divides window_s. None: one behind the other."""
    lateness_s: Annotated[int, Meta(ge=0, le=366 * 86_400)] = 0
    """How far behind the newest reading of its series a reading may come and still count."""
    output: Output = "add"
    windows_max: Annotated[int, Meta(gt=0)] = 100_000
    """The most windows open at once, over all series; of sliding windows the most stretches of slide_s."""
    inputs_max: Annotated[int, Meta(gt=0)] = 100_000
    """The most readings in one window."""

    def __post_init__(self) -> None:
        if self.slide_s is None:
            return
        if self.window_s % self.slide_s:
            raise ValueError(f"slide_s = {self.slide_s} does not divide window_s = {self.window_s}")
        if self.window_s // self.slide_s > PANES_MAX:
            raise ValueError(
                f"a reading would be in {self.window_s // self.slide_s} windows, at most {PANES_MAX} may be"
            )

    @property
    def called(self) -> str:
        """The step as contexts name it."""
        return f"{self.function} {self.window_s} s" + (f" every {self.slide_s} s" if self.slide_s is not None else "")

    def __str__(self) -> str:
        slide = f" every {self.slide_s} s" if self.slide_s is not None else ""
        return f"{self.function}({self.window_s} s{slide})"


class FilterOptions(_Options, frozen=True, kw_only=True, tag="filter"):
    """Lets through the readings for which a condition holds."""

    where: str
    """The condition, over meter, metric, timestamp (ms) and value."""

    def __post_init__(self) -> None:
        try:
            Condition(self.where)
        except ValueError as error:
            raise ValueError(f'where = "{self.where}": {error}') from None

    def __str__(self) -> str:
        return f"filter({self.where})"


class ScaleOptions(_Options, frozen=True, kw_only=True, tag="scale"):
    """Multiplies values, adds to them, converts their unit, renames their metric."""

    convert: str | None = None
    """Two units, such as "Wh -> kWh"; before factor and offset."""
    factor: float = 1.0
    offset: float = 0.0
    metric: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    """What the metric is called from here on; {metric} stands for what it was called."""

    def __post_init__(self) -> None:
        if self.convert is not None:
            conversion(self.convert)
        if not math.isfinite(self.factor) or not math.isfinite(self.offset):
            raise ValueError("factor and offset must be finite")

    def __str__(self) -> str:
        parts = [f"* {self.factor:g}"] if self.factor != 1 else []
        parts += [f"+ {self.offset:g}"] if self.offset else []
        return f"scale({', '.join([self.convert] if self.convert else [])}{' '.join(parts)})"


class DeduplicateOptions(_Options, frozen=True, kw_only=True, tag="deduplicate"):
    """Drops readings that were here before."""

    by: Literal["value", "timestamp"] = "value"
    """`value`: the same series, timestamp and value; `timestamp`: the same series and timestamp."""
    window: Annotated[int, Meta(gt=0, le=1_000_000)] = 10_000
    """How many readings are remembered, over all series."""

    def __str__(self) -> str:
        return f"deduplicate({self.by}, {self.window})"


class SampleOptions(_Options, frozen=True, kw_only=True, tag="sample"):
    """Lets through a part of the readings of each series."""

    every: Annotated[int, Meta(gt=0)] | None = None
    """Every so many readings one."""
    interval_ms: Milliseconds | None = None
    """At most one in each interval of event time."""

    def __post_init__(self) -> None:
        if (self.every is None) == (self.interval_ms is None):
            raise ValueError("one of every and interval_ms is needed, not both")

    def __str__(self) -> str:
        return f"sample(every {self.every})" if self.every is not None else f"sample({self.interval_ms} ms)"


class RoundOptions(_Options, frozen=True, kw_only=True, tag="round"):
    """Rounds values; halves go to the even neighbour."""

    decimals: Annotated[int, Meta(ge=0, le=15)] | None = None
    """How many decimals are kept."""
    step: Annotated[float, Meta(gt=0)] | None = None
    """Round to a multiple of this."""

    def __post_init__(self) -> None:
        if (self.decimals is None) == (self.step is None):
            raise ValueError("one of decimals and step is needed, not both")
        if self.step is not None and not math.isfinite(self.step):
            raise ValueError("step must be finite")

    def __str__(self) -> str:
        return f"round({self.decimals} decimals)" if self.decimals is not None else f"round(to {self.step:g})"


class MaskOptions(_Options, frozen=True, kw_only=True, tag="mask"):
    """Hides whose readings these are, or when exactly they were measured."""

    output: Literal["replace"] = "replace"
    key_file: str | None = None
    """A file with a secret of 16 to 64 bytes: meters are called by their keyed BLAKE2b from here on."""
    key_env: str | None = None
    """An environment variable with the secret, instead of a file."""
    interval_ms: Milliseconds | None = None
    """Timestamps are cut to the beginning of the interval that they are in."""

    def __post_init__(self) -> None:
        if self.key_file is not None and self.key_env is not None:
            raise ValueError("key_file or key_env is needed, not both")
        if self.key_file is None and self.key_env is None and self.interval_ms is None:
            raise ValueError("nothing would be masked: give key_file or key_env, interval_ms, or both")

    @property
    def pseudonyms(self) -> bool:
        return self.key_file is not None or self.key_env is not None

    def __str__(self) -> str:
        parts = ["meters"] if self.pseudonyms else []
        parts += [f"time to {self.interval_ms} ms"] if self.interval_ms is not None else []
        return f"mask({', '.join(parts)})"


class PythonOptions(_Options, frozen=True, kw_only=True, tag="python"):
    """Gives the readings of a batch to a function of yours, which makes others of them."""

    call: str
    """The function, as package.module:function."""
    contribution: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    """What its inputs are called in lineages; the function's name when it is not given."""
    outputs_max: Annotated[int, Meta(gt=0, le=8192)] = 8192
    """The most readings that it may make of one batch."""
    timeout_s: Annotated[float, Meta(gt=0, le=3600)] = 30.0
    """How long a batch may take."""

    def __post_init__(self) -> None:
        if not _CALL.fullmatch(self.call):
            raise ValueError(f'call = "{self.call}" does not name a function: package.module:function is needed')

    def __str__(self) -> str:
        return f"python({self.call})"


StepOptions = (
    AggregateOptions
    | FilterOptions
    | ScaleOptions
    | DeduplicateOptions
    | SampleOptions
    | RoundOptions
    | MaskOptions
    | PythonOptions
)
"""What `[[node.step]]` may be."""

KINDS: dict[str, type[StepOptions]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (
        *(AggregateOptions, FilterOptions, ScaleOptions, DeduplicateOptions),
        *(SampleOptions, RoundOptions, MaskOptions, PythonOptions),
    )
}
"""The kinds of step by the name that `kind` gives them."""

_plan = msgspec.json.Decoder(tuple[StepOptions, ...])


def encode_plan(steps: Sequence[StepOptions]) -> str:
    """Steps as text, for a `config` record."""
    return msgspec.json.encode(steps).decode()


def decode_plan(text: str) -> tuple[StepOptions, ...]:
    """The steps in a `config` record; ConfigError when a later version wrote it."""
    try:
        return _plan.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"the log names steps that this version does not know ({error}): use the later one") from None


def check_masks(steps: Sequence[StepOptions]) -> None:
    """ValueError when something would pass a `mask` unmasked."""
    for at, step in enumerate(steps):
        if not isinstance(step, MaskOptions):
            continue
        for number, earlier in enumerate(steps[:at], 1):
            if earlier.output == "add":
                raise ValueError(
                    f'step {number} ({earlier}) has output = "add" and stands before step {at + 1} ({step}): its '
                    'results would go on unmasked. Put the mask first, or give that step output = "replace"'
                )


def is_record_wise(step: StepOptions) -> bool:
    """Whether a step treats each batch by itself, values derived upstream too; aggregates take readings only."""
    return not isinstance(step, AggregateOptions)


def masks_meters(steps: Sequence[StepOptions]) -> bool:
    """Whether names of meters are not to leave the node."""
    return any(isinstance(step, MaskOptions) and step.pseudonyms for step in steps)
