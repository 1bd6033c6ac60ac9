"""A stream that is followed over breaks: where it goes on, and how long to wait before, free of I/O."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from headwater.client.calls import Stream
from headwater.client.events import EventReader
from headwater.client.exchange import Slow
from headwater.client.retries import Retries
from headwater.model.errors import HeadwaterError, Unavailable

T = TypeVar("T")


class Following(Generic[T]):
    """The events of a stream so far."""

    def __init__(self, stream: Stream[T], retries: Retries, random: Callable[[], float]) -> None:
        self._stream = stream
        self._retries = retries
        self._random = random
        self._reader = EventReader()
        self._breaks = 0
        """In a row, without any bytes between them."""

    @property
    def path(self) -> str:
        return self._stream.path

    @property
    def headers(self) -> dict[str, str]:
        """What a connection says first."""
        known = self._stream.last_id
        return {"Accept": "text/event-stream"} | ({"Last-Event-ID": known} if known else {})

    def feed(self, data: bytes) -> Iterator[T]:
        """The events that some bytes complete."""
        self._breaks = 0
        try:
            for event in self._reader.feed(data):
                read = self._stream.kinds.get(event.kind)
                self._stream = self._stream.resumed(event.id)
                if read is not None:
                    yield read(event.data.encode())
        except ValueError as error:
            raise HeadwaterError(f"the answer is not one of a Headwater server: {error}") from None

    def broken(self, error: Unavailable) -> float:
        """The seconds to wait before the next connection; raises the error after the last try."""
        # A stream says something every few seconds, so one that is silent is as good as broken.
        if self._breaks >= self._retries.times and not (isinstance(error, Slow) and self._breaks == 0):
            raise error
        self._reader = EventReader()
        self._breaks += 1
        return self._retries.wait_s(self._breaks - 1, self._random(), error.retry_after_s)
