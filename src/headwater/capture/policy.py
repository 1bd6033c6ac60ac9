"""Which context a node records: all nine columns or any subset, for every piece of code that makes data points."""

import inspect
from collections.abc import Callable

from headwater.model.context import ALL_METRICS, Context, Location


def context_for(
    code: Callable[..., object] | None,
    metrics: tuple[str, ...] = ALL_METRICS,
    location: Location | None = None,
    application: str | None = None,
    step: str | None = None,
) -> Context:
    """The context of data points made by `code`, holding only what `metrics` names.

    Class and line are those of the function: its qualified name up to the function, and the line it begins at.
    """
    class_name, line = _place(code) if code is not None else (None, None)
    return Context(
        metrics=metrics,
        location=location if "loc" in metrics else None,
        application=application if "app" in metrics else None,
        class_name=class_name if "class" in metrics else None,
        line=line if "line" in metrics else None,
        step=step,
    )


def _place(code: Callable[..., object]) -> tuple[str, int | None]:
    function = inspect.unwrap(code)
    owner, _, _ = function.__qualname__.rpartition(".")
    compiled = getattr(function, "__code__", None)
    name = f"{function.__module__}.{owner}" if owner else function.__module__
    return name, compiled.co_firstlineno if compiled is not None else None
