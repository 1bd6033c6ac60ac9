"""The health of nodes, links and daemons: the words, what they are said of, and why."""

import enum

import msgspec


class Health(enum.StrEnum):
    """The words of the 2018 dashboard, best first."""

    GREEN = "Green"
    YELLOW = "Yellow"
    RED = "Red"

    @property
    def rank(self) -> int:
        """0 is best."""
        return _ORDER.index(self)


_ORDER = list(Health)


class Part(enum.StrEnum):
    """What can fail on its own."""

    NODE = "node"
    LINK = "link"
    PIPELINE = "pipeline"
    PROVENANCE = "provenance"
    SERVER = "server"
    """The judge's own way to all nodes."""


class Subject(msgspec.Struct, frozen=True, array_like=True, order=True):
    """What a verdict is about: a node, one of its daemons, or the link from it to another node."""

    part: Part
    node: int = 0
    target: int | None = None


class Verdict(msgspec.Struct, frozen=True, array_like=True):
    """How a subject stands, since when, and why."""

    subject: Subject
    health: Health
    since_ms: int
    """Since when it is so, by the server's wall clock."""
    evidence: str
    cause: Subject | None = None
    """What else has failed and explains it; None for what has failed itself, and for what is well."""
    is_settled: bool = True
    """Whether what is known says that this has failed and not something else; an alarm waits for it."""
    doubt: str = ""
    """What else it may be, when that cannot be told."""

    @property
    def is_alarm(self) -> bool:
        """Whether somebody has to do something about this very subject."""
        return self.health is Health.RED and self.cause is None and self.is_settled


class Change(msgspec.Struct, frozen=True, array_like=True):
    """A verdict that took the place of another."""

    number: int
    """Rises by one with each change at a server."""
    before: Health | None
    """None at the first look at a subject."""
    verdict: Verdict
