"""Server-sent events (WHATWG HTML, section 9.2), read from whatever pieces they arrive in."""

import codecs
from collections.abc import Iterator
from typing import NamedTuple

EVENT_CHARACTERS_MAX = 16 << 20


class Event(NamedTuple):
    """One event; `id` is the last one that the stream has named."""

    kind: str
    data: str
    id: str


class EventReader:
    """Makes events of bytes; comments, which keep a connection alive, are passed over."""

    def __init__(self) -> None:
        self.last_id = ""
        self._text = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._kind = ""
        self._data: list[str] = []

    def feed(self, data: bytes) -> Iterator[Event]:
        """The events that these bytes complete; ValueError for one that does not end."""
        *lines, self._rest = (self._rest + self._text.decode(data)).split("\n")
        if len(self._rest) > EVENT_CHARACTERS_MAX:
            raise ValueError(f"a line of more than {EVENT_CHARACTERS_MAX} characters")
        for line in (line.removesuffix("\r") for line in lines):
            if line:
                self._take(line)
            elif self._data:
                yield self._event()
            else:
                self._kind = ""

    def _event(self) -> Event:
        event = Event(self._kind or "message", "\n".join(self._data), self.last_id)
        self._kind, self._data = "", []
        return event

    def _take(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._kind = value
        elif name == "id":
            self.last_id = value
