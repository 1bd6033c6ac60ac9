"""The JSON documents of a folded lineage: what is alike and many is one card, so that it can be drawn."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from headwater.api.documents.points import Datapoint
from headwater.api.documents.words import HexId, HexNode

Direction = Literal["backward", "forward"]


class Span(msgspec.Struct, gc=False):
    """The least and the greatest of some numbers."""

    least: int
    most: int


class NodeCount(msgspec.Struct, gc=False):
    """How many data points are at a node."""

    node: HexNode
    count: int
    name: str | UnsetType = UNSET


class SeriesCount(msgspec.Struct, gc=False):
    """How many data points are of a meter and metric."""

    meter: str
    metric: str
    count: int


class Group(msgspec.Struct, rename="camel", kw_only=True):
    """Data points told together."""

    nodes: list[NodeCount]
    """The 50 nodes with the most of them."""
    series: list[SeriesCount]
    """The 50 meters and metrics with the most of them, as far as they are recorded."""
    series_count: int
    """Of how many meters and metrics they are."""
    timestamps: Span | UnsetType = UNSET
    """Their event times, ms."""
    received: Span | UnsetType = UNSET
    """When their nodes received or made them, ms."""
    kind: Literal["data", "out"] | UnsetType = UNSET
    """Received (data) or made by a step (out); absent when they differ."""
    step: str | UnsetType = UNSET
    """The step that made them; absent when they differ."""
    missing: dict[str, int] = {}
    """How many the store does not hold, by reason: damaged, dropped, expired, gap or unknown."""
    outside: bool | UnsetType = UNSET
    """A client of the 2018 protocol named them; they were never ours."""


class Into(msgspec.Struct, rename="camel", kw_only=True, gc=False):
    """Where a card leads: one step nearer to the data point that was asked for."""

    card: int
    """Its place in `cards`."""
    contribution: str | UnsetType = UNSET
    """Absent when it is not the same for all."""
    hop: Span | UnsetType = UNSET
    """From being received or made at the one to being so at the other, ms, by the clocks of both nodes."""


class FoldedCard(msgspec.Struct, rename="camel", kw_only=True):
    """One data point, or many that are alike."""

    count: int
    into: list[Into]
    """Empty for the data point that was asked for."""
    point: Datapoint | UnsetType = UNSET
    """What the card is about when it is one."""
    neighbours: int | UnsetType = UNSET
    """Of one that is stored: how many inputs it was made from (forward: how many it went into directly)."""
    group: Group | UnsetType = UNSET
    """What the card is about when they are many; absent when there are too many to look at."""
    further: bool = False
    """It goes on from here, and that was not looked at: more `depth` leads there."""


class FoldedLineage(msgspec.Struct, rename="camel", kw_only=True):
    """A lineage whose cards are few, however many data points there are."""

    id: HexId
    direction: Direction
    cards: list[FoldedCard]
    """The data point that was asked for comes first, then card by card away from it."""


class NeighbourPart(msgspec.Struct, rename="camel", kw_only=True):
    """Some of the inputs (forward: outputs) of a data point, next to each other in their order."""

    first: int
    last: int
    """The place behind the last one."""
    point: Datapoint | UnsetType = UNSET
    """When it is one."""
    neighbours: int | UnsetType = UNSET
    """How many inputs (forward: outputs) that one has itself."""
    group: Group | UnsetType = UNSET
    """When it is more."""


class Neighbours(msgspec.Struct, kw_only=True):
    """The inputs (forward: outputs) of a data point in the order of meter, metric, event time and id, taken apart."""

    id: HexId
    direction: Direction
    count: int
    """How many it has in all."""
    parts: list[NeighbourPart]
    """At most 40: meters when there are several, else pages, and single data points when they are few."""


class PointsQuestion(msgspec.Struct, forbid_unknown_fields=True):
    """Many data points by their ids, without their lineage."""

    ids: list[str]
    detail: bool = False
    values: bool = False
    """Ask the nodes for their values."""
