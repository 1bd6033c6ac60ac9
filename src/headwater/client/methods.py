"""Calls as methods: descriptors that give both clients the same methods, with the signatures of the calls."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import wraps
from typing import Any, Generic, ParamSpec, Protocol, TypeVar

from headwater.client.calls import Call, Pages, Stream

P = ParamSpec("P")
T = TypeVar("T")


class Asks(Protocol):
    """A client that blocks."""

    def ask(self, call: Call[T]) -> T: ...
    def each(self, pages: Pages[T]) -> Iterator[T]: ...
    def events(self, stream: Stream[T]) -> Iterator[T]: ...


class AsksLater(Protocol):
    """A client to await."""

    def ask(self, call: Call[T]) -> Awaitable[T]: ...
    def each(self, pages: Pages[T]) -> AsyncIterator[T]: ...
    def events(self, stream: Stream[T]) -> AsyncIterator[T]: ...


class _Method:
    """What all have in common: the class shows the call's own signature and docstring."""

    def __init__(self, describe: Callable[..., Any]) -> None:
        self.__doc__ = describe.__doc__
        self._describe = describe


class Asked(_Method, Generic[P, T]):
    """A call that is answered at once."""

    def __init__(self, describe: Callable[P, Call[T]]) -> None:
        super().__init__(describe)

    def __get__(self, client: Asks, owner: type[object]) -> Callable[P, T]:
        describe: Callable[P, Call[T]] = self._describe
        return _then(describe, client.ask) if client is not None else self._describe


class Listed(_Method, Generic[P, T]):
    """A list to iterate over."""

    def __init__(self, describe: Callable[P, Pages[T]]) -> None:
        super().__init__(describe)

    def __get__(self, client: Asks, owner: type[object]) -> Callable[P, Iterator[T]]:
        describe: Callable[P, Pages[T]] = self._describe
        return _then(describe, client.each) if client is not None else self._describe


class Followed(_Method, Generic[P, T]):
    """A stream of events to iterate over."""

    def __init__(self, describe: Callable[P, Stream[T]]) -> None:
        super().__init__(describe)

    def __get__(self, client: Asks, owner: type[object]) -> Callable[P, Iterator[T]]:
        describe: Callable[P, Stream[T]] = self._describe
        return _then(describe, client.events) if client is not None else self._describe


class AskedLater(_Method, Generic[P, T]):
    """A call to await."""

    def __init__(self, describe: Callable[P, Call[T]]) -> None:
        super().__init__(describe)

    def __get__(self, client: AsksLater, owner: type[object]) -> Callable[P, Awaitable[T]]:
        describe: Callable[P, Call[T]] = self._describe
        return _then(describe, client.ask) if client is not None else self._describe


class ListedLater(_Method, Generic[P, T]):
    """A list to iterate over with `async for`."""

    def __init__(self, describe: Callable[P, Pages[T]]) -> None:
        super().__init__(describe)

    def __get__(self, client: AsksLater, owner: type[object]) -> Callable[P, AsyncIterator[T]]:
        describe: Callable[P, Pages[T]] = self._describe
        return _then(describe, client.each) if client is not None else self._describe


class FollowedLater(_Method, Generic[P, T]):
    """A stream of events to iterate over with `async for`."""

    def __init__(self, describe: Callable[P, Stream[T]]) -> None:
        super().__init__(describe)

    def __get__(self, client: AsksLater, owner: type[object]) -> Callable[P, AsyncIterator[T]]:
        describe: Callable[P, Stream[T]] = self._describe
        return _then(describe, client.events) if client is not None else self._describe


D = TypeVar("D")
R = TypeVar("R")


def _then(describe: Callable[P, D], run: Callable[[D], R]) -> Callable[P, R]:
    @wraps(describe)
    def method(*arguments: P.args, **named: P.kwargs) -> R:
        return run(describe(*arguments, **named))

    return method
