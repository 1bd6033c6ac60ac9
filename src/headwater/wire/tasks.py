"""Tasks that run beside a block of code, which cannot do without them."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence


@contextlib.contextmanager
def raising(tasks: Sequence[asyncio.Task[None]]) -> Iterator[None]:
    """While the block runs, what breaks one of the tasks ends the block, and is raised from it."""
    block = asyncio.current_task()
    failures: list[BaseException] = []

    def ended(task: asyncio.Task[None]) -> None:
        failure = None if task.cancelled() else task.exception()
        if failure is not None and block is not None:
            failures.append(_innermost(failure))
            block.cancel()

    for task in tasks:
        task.add_done_callback(ended)
    try:
        yield
    except asyncio.CancelledError:
        if failures:
            raise failures[0] from None
        raise
    finally:
        for task in tasks:
            task.remove_done_callback(ended)


def _innermost(failure: BaseException) -> BaseException:
    """The failure in a group of one."""
    while isinstance(failure, BaseExceptionGroup) and len(failure.exceptions) == 1:
        failure = failure.exceptions[0]
    return failure
