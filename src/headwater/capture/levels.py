"""Levels: a function in a process in a device in a network, each saying of the values made within it what it knows.

Levels nest as a stack that a context variable carries: a task inherits those of the task that started it. What a
level does not say is inherited from the one around it, and at last from the recorder's options.
"""

import functools
import sys
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar, Token
from types import TracebackType
from typing import NamedTuple, ParamSpec, Self, TypeVar

from headwater.capture.policy import Code, Place, place_of
from headwater.capture.traceparent import NO_TRACE, parse_traceparent
from headwater.model.context import Location
from headwater.model.errors import Rejected
from headwater.model.reading import check_name

P = ParamSpec("P")
R = TypeVar("R")


class Level(NamedTuple):
    """What holds for the values made here, with what was inherited; None where no level says it."""

    place: Place | None = None
    """Class and line of the code that makes them."""
    application: str | None = None
    location: Location | None = None
    meter: str | None = None
    """What they are measured of."""
    trace: bytes = NO_TRACE
    """The W3C trace that they belong to."""


OUTERMOST = Level()
_current: ContextVar[Level] = ContextVar("headwater-level", default=OUTERMOST)

current_level = _current.get
enter_level = _current.set


def leave_level(token: Token[Level]) -> None:
    """Go back to the level before `enter_level`."""
    # A coroutine that is never finished is closed wherever it is collected, when its own context may be gone.
    with suppress(ValueError):
        _current.reset(token)


class Within:
    """One level, entered by `with`; its own after the block as before."""

    __slots__ = ("_said", "_tokens")

    def __init__(self, said: Level) -> None:
        self._said = said
        self._tokens: list[Token[Level]] = []

    def __enter__(self) -> Self:
        self._tokens.append(enter_level(inside(current_level(), self._said)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        leave_level(self._tokens.pop())


def within(
    *,
    application: str | None = None,
    location: Location | None = None,
    code: Code | None = None,
    meter: str | None = None,
    traceparent: str | None = None,
) -> Within:
    """A level for a `with` block; what is left away is inherited.

    `code` is a class or function, whose class and line become the context; `meter` is what values within are of;
    `traceparent` the W3C trace that they belong to. Rejected says what cannot be used. Each use enters anew: make one
    where it is used, not one for several threads or tasks.
    """
    trace = NO_TRACE if traceparent is None else parse_traceparent(traceparent)
    return Within(level_of(None if code is None else place_of(code), application, location, meter, trace))


def level_of(
    place: Place | None = None,
    application: str | None = None,
    location: Location | None = None,
    meter: str | None = None,
    trace: bytes = NO_TRACE,
) -> Level:
    """What a level says of itself, checked: Rejected."""
    if application is not None:
        check_name("application", application)
    if meter is not None:
        check_name("meter id", meter)
    if location is not None and not isinstance(location, Location):
        raise Rejected("location", f"{str(location)[:60]!r} is no Location: write Location({str(location)[:20]!r})")
    return Level(place, application, location, meter, trace)


def inside(outer: Level, said: Level) -> Level:
    """The level of what is said within another."""
    if outer is OUTERMOST:
        return said
    return Level(
        said.place if said.place is not None else outer.place,
        said.application if said.application is not None else outer.application,
        said.location if said.location is not None else outer.location,
        said.meter if said.meter is not None else outer.meter,
        said.trace or outer.trace,
    )


def carried(function: Callable[P, R]) -> Callable[P, R]:
    """The function, run within the levels of here wherever it is called: for threads and executors.

    asyncio tasks and `asyncio.to_thread` inherit by themselves; `threading.Thread`, pools and `run_in_executor` do not.
    """
    level = current_level()

    @functools.wraps(function)
    def in_level(*args: P.args, **kwargs: P.kwargs) -> R:
        token = enter_level(level)
        try:
            return function(*args, **kwargs)
        finally:
            leave_level(token)

    return in_level


def level_of_caller() -> Level:
    """Where the nearest function outside this package is: its class, or module, and the line it begins at."""
    frame = sys._getframe(3)  # What called this, and `record` or `derive`, are of this package.
    while frame.f_code.co_name in _COMPREHENSIONS or frame.f_globals.get("__name__", "").startswith(_HERE):
        if frame.f_back is None:
            return OUTERMOST
        frame = frame.f_back
    code = frame.f_code
    return _level(frame.f_globals.get("__name__", ""), code.co_qualname, code.co_firstlineno)


@functools.lru_cache(maxsize=4096)
def _level(module: str, qualified: str, line: int) -> Level:
    owner = qualified.rpartition(".")[0]
    return Level(Place(f"{module}.{owner}" if owner else module, line))


_HERE = __name__.rpartition(".")[0] + "."
_COMPREHENSIONS = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})
"""Before Python 3.12 these are functions of their own."""
