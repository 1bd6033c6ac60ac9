"""What the store keeps and what was lost: periods, losses, alarms, reports, totals."""

import msgspec


class IdRun(msgspec.Struct, frozen=True):
    """`count` consecutive ids from `first` on."""

    first: str
    count: int


class Loss(msgspec.Struct, frozen=True):
    """Records `first` to `last` of a log that are gone, named by a node."""

    node: str
    sequence: int
    why: str
    log: str
    first: int
    last: int
    readings: int
    runs: tuple[IdRun, ...]
    link: tuple[tuple[int, int], ...]
    stamps: tuple[tuple[int, int], ...]


class Period(msgspec.Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    """The stamps that arrived at the store within a stretch of time; times in ms since the epoch, UTC."""

    number: int
    begun: int
    ended: int | None = None
    """None while it is open."""
    batches: int
    points: int
    bytes: int
    first_event: int | None = None
    last_event: int | None = None


class ExpiredPeriod(msgspec.Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    """A period that the store has deleted."""

    number: int
    why: str
    """age (older than was to be kept), size (the store was too large) or asked (by hand)."""
    at: int
    begun: int
    ended: int
    batches: int
    points: int
    bytes: int
    first_event: int | None = None
    last_event: int | None = None
    runs: tuple[IdRun, ...]
    """For each node the range that its deleted ids lay in."""


class Alarm(msgspec.Struct, frozen=True):
    """Something that someone must look into."""

    at: int
    reason: str
    node: str
    log: str
    sequence: int
    detail: str


class Report(msgspec.Struct, frozen=True):
    """A file with what a benchmark or a run of chaos has found."""

    name: str
    bytes: int
    written: int


class Totals(msgspec.Struct, frozen=True):
    """What the store holds."""

    stamps: int
    batches: int
    bytes: int
    conflicts: int
    refused: dict[str, int]
    expired: int = 0
