"""What the records of a node log say. `wire.records` frames them; PROTOCOL.md rules them."""

import enum
from typing import NamedTuple

import msgspec

from headwater.model.context import Location
from headwater.model.ids import IdRun
from headwater.model.stamp import Origin, Stamp

SERIES_MAX = 1_000_000
"""The most series that one log names: what one more would be is refused."""


class Kind(enum.IntEnum):
    """The kinds of record. Numbers are never used again; unknown ones are kept, forwarded and counted."""

    DATA = 1
    OUT = 2
    DEFINITION = 3
    CONTEXT = 4
    TIME = 5
    CONFIG = 6
    LOSS = 7
    SNAPSHOT = 8
    JUMP = 9
    REFUSED = 10


LOCAL_KINDS = frozenset({Kind.CONTEXT, Kind.TIME, Kind.CONFIG, Kind.SNAPSHOT, Kind.JUMP, Kind.REFUSED})
"""What stays in its log. Everything else travels downstream."""


class Position(NamedTuple):
    """A place in an upstream: a log id and a sequence there, or a source id and the number of a reading."""

    log: bytes
    sequence: int


class Trigger(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Why a step wrote an output: the record it had consumed, and what that record closed or brought too late."""

    step: int
    sequence: int
    late: tuple[int, ...] = ()
    """Positions in the consumed batch that belonged to windows already closed."""
    closed: tuple[tuple[bytes, int, int], ...] = ()
    """The windows closed: (entry log id, series number, window start in ms)."""
    consumed: int = 0
    """Which part of the outputs of the step before was consumed; 0 for the record itself."""
    readings: bool = False
    """The outputs stand for readings that the step consumed: for the nodes behind they are the readings."""
    renamed: bool = False
    """Series or timestamps of the outputs are not those of their inputs."""
    fault: str = ""
    """Why there are no outputs of what was consumed."""


class Batch(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Readings in columns, their stamp and their origin: the body of `data` and `out` records."""

    origin: Origin
    entry: bytes
    """The log id whose definitions the payload's series numbers name."""
    count: int
    payload: bytes
    stamp: Stamp | None = None
    trigger: Trigger | None = None


class Definition(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a series is called. `number` is the sequence of the first copy in the log that made it."""

    log: bytes
    number: int
    meter: str
    metric: str
    damaged: bool = False
    stays: bool = False
    """A mask hides the name: it does not travel, and nobody is told it."""


class Why(enum.StrEnum):
    """Why records are missing."""

    DAMAGED = "damaged"
    DROPPED = "dropped"
    EXPIRED = "expired"
    GAP = "gap"


class Loss(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Records `first` to `last` of a log are gone, and what went with them as far as it is known.

    A loss may come again, and as part of a wider one: of one log's losses for one reason, those within another add
    nothing to it.
    """

    why: str
    log: bytes
    first: int
    last: int
    readings: int = 0
    runs: tuple[IdRun, ...] = ()
    """The ids that no longer resolve to a reading; a run given for damage may span more than was lost."""
    link: tuple[tuple[int, int], ...] = ()
    """The sequence ranges that the next hop will not get."""
    stamps: tuple[tuple[int, int], ...] = ()
    """The sequence ranges whose stamps the store will not get."""
    restated: tuple["Loss", ...] = ()
    """What loss records said that went with a dropped segment, and all drops before this one (rule 14)."""
    whole: tuple[int, int] | None = None
    """The segment to unlink: its first and last sequence (rule 4)."""


class TimeDecision(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the clock or an operator decided for a step, before it has effect (rule 16)."""

    step: int
    decided_ms: int
    close_all: bool = True


class Config(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What holds at a node from here on, as others need to know it."""

    node: int
    name: str
    next: str | None = None
    """Address of the next hop, None at an endpoint."""
    successor: int | None = None
    """Node id of the next hop, once it has said it."""
    protocol: str = "push_batches"
    provenance: bool = True
    listen: str | None = None
    steps: tuple[str, ...] = ()
    when_full: str = "block"
    plan: str | None = None
    """The steps with all their options, as JSON; None in a log of before there was more than `aggregate`."""
    behind: int = 0
    """The next hop gets the readings behind this sequence; what is before it went to another."""
    location: Location | None = None
    application: str | None = None
    metrics: tuple[str, ...] | None = None
    limits: "Limits | None" = None


class Limits(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a node may keep, and how it waits."""

    storagetime_s: int
    log_bytes_max: int
    sync_interval_ms_min: int
    deduplicate_window: int


class Jump(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Sequences that were reserved and never used, or whose records a power loss took back (rule 3)."""

    first: int
    last: int
