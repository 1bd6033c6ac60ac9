"""Traced functions: what they give is recorded, with the points among their arguments as its inputs.

Functions, methods, coroutine functions, generators and asynchronous generators; exceptions pass through untouched.
"""

import functools
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Iterator
from contextvars import Token
from typing import Any, NamedTuple, ParamSpec, Protocol, TypeVar, overload

from headwater.capture.levels import OUTERMOST, Level, current_level, enter_level, inside, leave_level, level_of
from headwater.capture.policy import place_of
from headwater.capture.results import Input, Point, Result, points_among
from headwater.model.context import Location
from headwater.model.errors import ConfigError
from headwater.model.reading import check_name

P = ParamSpec("P")
Sent = TypeVar("Sent")
End = TypeVar("End")
Nothing = TypeVar("Nothing", bound=None)
"""None for a function that may give nothing; else type checkers find that there is no such thing."""
Function = Callable[..., Any]


class Naming(NamedTuple):
    """What a traced function's results are called unless they say it themselves."""

    name: str
    """Of the function, with its module and class."""
    metric: str
    contribution: str


class Saying(NamedTuple):
    """What the decorator is told."""

    meter: str | None = None
    metric: str | None = None
    contribution: str | None = None
    application: str | None = None
    location: Location | None = None


NOTHING = Saying()


class Taker(Protocol):
    """A recorder, as traced functions need it."""

    def _take(self, result: object, naming: Naming, level: Level, inputs: list[Input]) -> Point | None:
        """Record a result; None for None, which is no value."""
        ...

    def _count_raised(self, function: str) -> None:
        """Count a call that ended in an exception."""
        ...


class Tracer:
    """The decorator `@traced`, bare or with names: `@traced(metric="power.mean")`.

    `meter`, `metric` and `contribution` name what the function gives, unless its result says it; `application` and
    `location` are those of its level. The metric and the contribution are the function's name by default; the meter
    is that of the level around it, or the one that all inputs are of. ConfigError when it cannot be decorated.
    """

    def __init__(self, recorder: Callable[[], Taker], said: Saying = NOTHING) -> None:
        self._recorder = recorder
        self._said = said

    @overload
    def __call__(
        self,
        *,
        meter: str | None = None,
        metric: str | None = None,
        contribution: str | None = None,
        application: str | None = None,
        location: Location | None = None,
    ) -> "Tracer": ...
    @overload
    def __call__(
        self, function: Callable[P, Coroutine[Any, Any, Result | Nothing]], /
    ) -> Callable[P, Coroutine[Any, Any, Point | Nothing]]: ...
    @overload
    def __call__(
        self, function: Callable[P, Generator[Result, Sent, End]], /
    ) -> Callable[P, Generator[Point, Sent, End]]: ...
    @overload
    def __call__(
        self, function: Callable[P, AsyncGenerator[Result, Sent]], /
    ) -> Callable[P, AsyncGenerator[Point, Sent]]: ...
    @overload
    def __call__(self, function: Callable[P, Iterator[Result]], /) -> Callable[P, Iterator[Point]]: ...
    @overload
    def __call__(self, function: Callable[P, AsyncIterator[Result]], /) -> Callable[P, AsyncIterator[Point]]: ...
    @overload
    def __call__(self, function: Callable[P, Result | Nothing], /) -> Callable[P, Point | Nothing]: ...
    def __call__(
        self,
        function: Function | None = None,
        *,
        meter: str | None = None,
        metric: str | None = None,
        contribution: str | None = None,
        application: str | None = None,
        location: Location | None = None,
    ) -> "Function | Tracer":
        if function is None:
            return Tracer(self._recorder, Saying(meter, metric, contribution, application, location))
        calls = _Calls(self._recorder, function, self._said)
        return functools.wraps(function)(_wrapped(calls, function))


class _Calls:
    """The calls of one traced function."""

    def __init__(self, recorder: Callable[[], Taker], function: Function, said: Saying) -> None:
        if not callable(function):
            raise ConfigError(f"@traced on {function!r:.60}, which is not callable: put it under the other decorators")
        name = getattr(function, "__name__", type(function).__name__)
        self.recorder = recorder
        place = place_of(function)
        self.naming = Naming(
            f"{place.class_name}.{name}",
            name if said.metric is None else said.metric,
            name if said.contribution is None else said.contribution,
        )
        check_name("metric id", self.naming.metric)
        check_name("contribution", self.naming.contribution)
        self._said = level_of(place, said.application, said.location, said.meter)
        self._entered = (OUTERMOST, self._said)
        """The level around the last call, and its own within it: most calls are made from one level."""

    def level(self) -> Level:
        """The level of a call made here."""
        outer = current_level()
        around, own = self._entered
        if around is not outer:
            own = inside(outer, self._said)
            self._entered = outer, own
        return own


def _wrapped(calls: _Calls, function: Function) -> Function:
    inner = function
    while isinstance(inner, functools.partial):
        inner = inner.func
    if inspect.iscoroutinefunction(inner):
        return _coroutine_function(calls, function)
    if inspect.isasyncgenfunction(inner):
        return _asynchronous_generator(calls, function)
    if inspect.isgeneratorfunction(inner):
        return _generator(calls, function)
    return _function(calls, function)


class _Call:
    """One call: its level, and the inputs that were found when it began."""

    __slots__ = ("_calls", "_inputs", "_level", "_recorder")

    def __init__(self, calls: _Calls, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
        self._calls = calls
        self._recorder = calls.recorder()
        self._level = calls.level()
        self._inputs = points_among((*args, *kwargs.values()) if kwargs else args)

    def enter(self) -> Token[Level]:
        return enter_level(self._level)

    def raised(self) -> None:
        self._recorder._count_raised(self._calls.naming.name)

    def take(self, result: object) -> Point | None:
        return self._recorder._take(result, self._calls.naming, self._level, self._inputs)


def _function(calls: _Calls, function: Function) -> Function:
    def traced(*args: object, **kwargs: object) -> Point | None:
        call = _Call(calls, args, kwargs)
        token = call.enter()
        try:
            result = function(*args, **kwargs)
        except Exception:
            call.raised()
            raise
        finally:
            leave_level(token)
        return call.take(result)

    return traced


def _coroutine_function(calls: _Calls, function: Function) -> Function:
    async def traced(*args: object, **kwargs: object) -> Point | None:
        call = _Call(calls, args, kwargs)
        token = call.enter()
        try:
            result = await function(*args, **kwargs)
        except Exception:
            call.raised()
            raise
        finally:
            leave_level(token)
        return call.take(result)

    return traced


def _generator(calls: _Calls, function: Function) -> Function:
    def traced(*args: object, **kwargs: object) -> Generator[Point | None, Any, Any]:
        call = _Call(calls, args, kwargs)
        inner: Generator[object, Any, Any] = function(*args, **kwargs)
        step: Callable[[], object] = functools.partial(next, inner)
        while True:
            token = call.enter()
            try:
                item = step()
            except StopIteration as end:
                return end.value
            except Exception:
                call.raised()
                raise
            finally:
                leave_level(token)
            point = call.take(item)
            try:
                sent = yield point
            except GeneratorExit:
                inner.close()
                raise
            except BaseException as error:
                step = functools.partial(inner.throw, error)
            else:
                step = functools.partial(inner.send, sent)

    return traced


def _asynchronous_generator(calls: _Calls, function: Function) -> Function:
    async def traced(*args: object, **kwargs: object) -> AsyncGenerator[Point | None, Any]:
        call = _Call(calls, args, kwargs)
        inner: AsyncGenerator[object, Any] = function(*args, **kwargs)
        step = functools.partial(inner.asend, None)
        while True:
            token = call.enter()
            try:
                item = await step()
            except StopAsyncIteration:
                return
            except Exception:
                call.raised()
                raise
            finally:
                leave_level(token)
            point = call.take(item)
            try:
                sent = yield point
            except GeneratorExit:
                await inner.aclose()
                raise
            except BaseException as error:
                step = functools.partial(inner.athrow, error)
            else:
                step = functools.partial(inner.asend, sent)

    return traced
