"""Points in the code where a child process kills itself, the n-th time it passes one."""

import functools
import inspect
import os
import signal
from collections.abc import Callable
from typing import Any

POINT_KEY = "HEADWATER_CAMPAIGN_POINT"
"""The environment variable `point=n`: where this process dies."""


class _Armed:
    """Where this process is to die, and how often it still passes there before."""

    def __init__(self) -> None:
        self.point = ""
        self.left = 0


_armed = _Armed()


def arm() -> str:
    """Take the point from the environment; its name, empty for none."""
    point, _, count = os.environ.get(POINT_KEY, "").rpartition("=")
    _armed.point, _armed.left = point, int(count or 0)
    return point


def points_passed(point: str) -> bool:
    """Count one passing; whether it is the one to die at."""
    if point != _armed.point:
        return False
    _armed.left -= 1
    return _armed.left == 0


def pass_point(point: str, counted: bool = False) -> None:
    """Die here if it is time to."""
    if point == _armed.point and (counted or points_passed(point)):
        os.kill(os.getpid(), signal.SIGKILL)


def before(owner: type, method: str, point: str, when: Callable[..., bool] = lambda *_: True) -> None:
    """Put a point before the calls of a method for which `when` holds."""
    _wrap(owner, method, point, when, True)


def after(owner: type, method: str, point: str, when: Callable[..., bool] = lambda *_: True) -> None:
    """Put a point behind the calls of a method for which `when` holds."""
    _wrap(owner, method, point, when, False)


def _wrap(owner: type, method: str, point: str, when: Callable[..., bool], first: bool) -> None:
    called = getattr(owner, method)

    def look(where: bool, arguments: tuple[Any, ...]) -> None:
        if where == first and when(*arguments):
            pass_point(point)

    @functools.wraps(called)
    async def in_turn(*arguments: Any, **named: Any) -> Any:
        look(True, arguments)
        result = await called(*arguments, **named)
        look(False, arguments)
        return result

    @functools.wraps(called)
    def at_once(*arguments: Any, **named: Any) -> Any:
        look(True, arguments)
        result = called(*arguments, **named)
        look(False, arguments)
        return result

    if _armed.point == point:
        setattr(owner, method, in_turn if inspect.iscoroutinefunction(called) else at_once)
