"""One question from the first try to the last, free of I/O: what to send, how long to wait, when to give up."""

from collections.abc import Callable, Generator
from typing import Any, NamedTuple

from headwater.client.calls import Call
from headwater.client.replies import Reply
from headwater.client.retries import Retries
from headwater.model.errors import Unavailable


class Send(NamedTuple):
    """Send this and give back the reply, or throw what came instead."""

    call: Call[Any]


class Wait(NamedTuple):
    """Wait so long."""

    seconds: float


Exchange = Generator[Send | Wait, Reply | None, Reply]


class Slow(Unavailable):
    """A server that took the question and did not answer in time: asking once more would only add to its load."""


def exchange(call: Call[Any], retries: Retries, random: Callable[[], float]) -> Exchange:
    """Ask until there is an answer; raises what the answer tells of, Unavailable after the last try."""
    time = 0
    while True:
        try:
            reply = yield Send(call)
            assert reply is not None
            return reply.checked()
        except Slow:
            raise
        except Unavailable as error:
            if time >= retries.times:
                raise
            hint_s = error.retry_after_s
        yield Wait(retries.wait_s(time, random(), hint_s))
        time += 1
