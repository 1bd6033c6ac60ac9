"""Which context a node records: all nine columns or any subset, for every piece of code that makes data points."""

import functools
import inspect
from collections.abc import Callable
from typing import NamedTuple

from headwater.model.context import ALL_METRICS, Context, Location

Code = Callable[..., object]
"""A function, method, class or other callable."""


class Place(NamedTuple):
    """Where a piece of code is: its class, or module where it has none, and the line it begins at."""

    class_name: str | None = None
    line: int | None = None


NOWHERE = Place()


def place_of(code: Code | None) -> Place:
    """The place of a callable, found behind decorators and partial applications; `NOWHERE` for None."""
    if code is None:
        return NOWHERE
    while isinstance(code, functools.partial):
        code = code.func
    function = inspect.unwrap(code)
    named = function if hasattr(function, "__qualname__") else type(function)
    owner = named.__qualname__ if isinstance(named, type) else named.__qualname__.rpartition(".")[0]
    compiled = getattr(function, "__code__", None)
    class_name = f"{named.__module__}.{owner}" if owner else named.__module__
    return Place(class_name, compiled.co_firstlineno if compiled is not None else None)


def context_at(
    place: Place,
    metrics: tuple[str, ...] = ALL_METRICS,
    location: Location | None = None,
    application: str | None = None,
    step: str | None = None,
) -> Context:
    """The context of data points made at a place, holding only what `metrics` names."""
    return Context(
        metrics=metrics,
        location=location if "loc" in metrics else None,
        application=application if "app" in metrics else None,
        class_name=place.class_name if "class" in metrics else None,
        line=place.line if "line" in metrics else None,
        step=step,
    )


def context_for(
    code: Code | None,
    metrics: tuple[str, ...] = ALL_METRICS,
    location: Location | None = None,
    application: str | None = None,
    step: str | None = None,
) -> Context:
    """The context of data points made by `code`, holding only what `metrics` names."""
    return context_at(place_of(code), metrics, location, application, step)
