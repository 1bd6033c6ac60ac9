"""The steps that the simulation runs, and what each is to make of a reading."""

import random
from typing import Literal

from headwater.model.reading import Derived, Reading
from headwater.pipeline.step_options import (
    AggregateOptions,
    DeduplicateOptions,
    FilterOptions,
    PythonOptions,
    RoundOptions,
    ScaleOptions,
    StepOptions,
)

WINDOW_S = 4
LATENESS_S = 2
CHAINS = 0.4
"""How many of the runs have steps before the aggregate."""
FUNCTIONS: tuple[Literal["average", "sum", "min", "max", "count", "last"], ...] = (
    "average",
    "sum",
    "min",
    "max",
    "count",
    "last",
)
BEFORE: tuple[StepOptions, ...] = (
    FilterOptions(where="value % 3 != 0"),
    ScaleOptions(factor=1, metric="renamed"),
    DeduplicateOptions(window=3),
    RoundOptions(decimals=0),
    PythonOptions(call="tests.simulation.steps:same"),
)
"""Steps that let a value through as it is or not at all, for values tell readings apart."""


def any_steps(rng: random.Random) -> tuple[StepOptions, ...]:
    """An aggregate, perhaps behind others. The draws for those do not move the ones that follow in a seed."""
    aside = random.Random()
    aside.setstate(rng.getstate())
    before = aside.sample(BEFORE, aside.choice((1, 2))) if aside.random() < CHAINS else []
    return (*before, any_aggregate(rng))


def any_aggregate(rng: random.Random) -> AggregateOptions:
    """An aggregate with any function, and perhaps with bounds that are met."""
    return AggregateOptions(
        function=rng.choice(FUNCTIONS),
        window_s=WINDOW_S,
        lateness_s=LATENESS_S,
        windows_max=rng.choice((3, 100_000, 100_000)),
        inputs_max=rng.choice((3, 100_000, 100_000)),
        output=rng.choice(("add", "add", "add", "replace")),
    )


def same(readings: list[Reading]) -> list[Derived]:
    """The user's function: readings as they came."""
    return [Derived(r.meter, r.metric, r.timestamp, r.value, [at]) for at, r in enumerate(readings)]


def lets_through(steps: tuple[StepOptions, ...], value: float) -> bool:
    """Whether a value passes the steps before the aggregate."""
    return not (any(isinstance(step, FilterOptions) for step in steps) and value % 3 == 0)


def metric_behind(steps: tuple[StepOptions, ...], metric: str) -> str:
    """What a metric is called behind the steps before the aggregate."""
    return "renamed" if any(isinstance(step, ScaleOptions) for step in steps) else metric
