"""Lineage: exact, folded into groups, and the neighbours of a group."""

from typing import Literal

import msgspec

from headwater.client.results.points import Datapoint


class LineageAnswer(msgspec.Struct, frozen=True, gc=False):
    """The lineage of one id: its linear points, or one recursive data point."""

    id: str
    found: bool
    points: tuple[Datapoint, ...]
    missing: str | None = None


class Span(msgspec.Struct, frozen=True, gc=False):
    """The least and the greatest of some numbers."""

    least: int
    most: int


class NodeCount(msgspec.Struct, frozen=True, gc=False):
    """How many data points are at a node."""

    node: str
    count: int
    name: str | None = None


class SeriesCount(msgspec.Struct, frozen=True, gc=False):
    """How many data points are of a meter and metric."""

    meter: str
    metric: str
    count: int


class Group(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Data points told together: the 50 nodes and the 50 series with the most of them, and what they have in common."""

    nodes: tuple[NodeCount, ...]
    series: tuple[SeriesCount, ...]
    series_count: int
    timestamps: Span | None = None
    received: Span | None = None
    kind: Literal["data", "out"] | None = None
    step: str | None = None
    missing: dict[str, int] = {}
    outside: bool = False


class Into(msgspec.Struct, frozen=True, gc=False):
    """Where a card of a folded lineage leads: to a card nearer to the data point that was asked for."""

    card: int
    contribution: str | None = None
    hop: Span | None = None
    """The time between both, ms."""


class FoldedCard(msgspec.Struct, frozen=True, kw_only=True):
    """One data point, or many that are alike."""

    count: int
    into: tuple[Into, ...]
    point: Datapoint | None = None
    neighbours: int | None = None
    group: Group | None = None
    further: bool = False
    """More depth leads on from here."""


class FoldedLineage(msgspec.Struct, frozen=True, kw_only=True):
    """A lineage whose cards are few; the data point that was asked for comes first."""

    id: str
    direction: Literal["backward", "forward"]
    cards: tuple[FoldedCard, ...]


class NeighbourPart(msgspec.Struct, frozen=True, kw_only=True):
    """The inputs (or outputs) of a data point at first <= place < last in their order."""

    first: int
    last: int
    point: Datapoint | None = None
    neighbours: int | None = None
    group: Group | None = None


class Neighbours(msgspec.Struct, frozen=True, kw_only=True):
    """The inputs (or outputs) of a data point by meter, metric, event time and id, taken apart."""

    id: str
    direction: Literal["backward", "forward"]
    count: int
    parts: tuple[NeighbourPart, ...]
