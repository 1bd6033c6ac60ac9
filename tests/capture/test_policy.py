"""Where a piece of code is."""

import functools
from collections.abc import Callable

import pytest

from headwater.capture.policy import NOWHERE, Code, context_for, place_of
from headwater.model.context import ALL_METRICS, METRICS, Context, Location


def plain() -> None: ...


class Meter:
    def read(self) -> None: ...

    def __call__(self) -> None: ...


def decorated(function: Callable[[], None]) -> Callable[[], None]:
    @functools.wraps(function)
    def wrapper() -> None: ...

    return wrapper


HERE = __name__
PLAIN_LINE = plain.__code__.co_firstlineno
READ_LINE = Meter.read.__code__.co_firstlineno


@pytest.mark.parametrize(
    ("code", "place"),
    [
        (None, NOWHERE),
        (plain, (HERE, PLAIN_LINE)),
        (Meter.read, (f"{HERE}.Meter", READ_LINE)),
        (Meter().read, (f"{HERE}.Meter", READ_LINE)),
        (Meter, (f"{HERE}.Meter", None)),
        (Meter(), (f"{HERE}.Meter", None)),
        (decorated(plain), (HERE, PLAIN_LINE)),
        (functools.partial(functools.partial(Meter().read)), (f"{HERE}.Meter", READ_LINE)),
        (len, ("builtins", None)),
    ],
)
def test_code_is_found_behind_whatever_wraps_it(code: Code | None, place: tuple[str | None, int | None]) -> None:
    assert place_of(code) == place


@pytest.mark.parametrize("left_out", METRICS)
def test_a_context_holds_what_is_recorded_and_no_more(left_out: str) -> None:
    metrics = tuple(metric for metric in ALL_METRICS if metric != left_out)
    whole = Context(metrics, Location("here"), "app", HERE, PLAIN_LINE, "sum")
    made = context_for(plain, metrics, Location("here"), "app", "sum")
    fields = {"loc": "location", "app": "application", "class": "class_name", "line": "line"}
    for metric, field in fields.items():
        assert getattr(made, field) == (None if metric == left_out else getattr(whole, field))
    assert (made.metrics, made.step) == (metrics, "sum")
