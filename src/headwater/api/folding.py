"""Folds a lineage into few cards: a data point made from very many is followed by one card for all of them.

Pure but for `Look`. Cards are looked at level by level, so a walk ends where it is deep or wide enough, and says so.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from headwater.model.ids import DataPointId
from headwater.store.port import DataPoint, Edge

Found = Mapping[DataPointId, tuple[DataPoint, Sequence[Edge]]]
Look = Callable[[Collection[DataPointId]], Found]
"""Stored data points with their edges in the direction that was asked for; absent ones are absent."""


class Bounds(NamedTuple):
    """How much is looked at."""

    depth: int
    """Hops."""
    fan: int
    """The most neighbours that get a card each."""
    points: int
    """In all cards together; also the edges that one card may have."""
    cards: int = 1_000
    """Where there are so many, none leads on."""


@dataclass(slots=True)
class Lead:
    """Where a card leads."""

    card: int
    contribution: str | None
    """None when it is not the same for all."""
    hop: tuple[int, int] | None = None
    """The shortest and the longest time between both, ms; None where nobody recorded it."""


@dataclass(slots=True)
class Card:
    """One data point, or many that are alike."""

    ids: Collection[DataPointId]
    into: list[Lead]
    outside: bool = False
    """Named by a client of the 2018 protocol: they were never ours."""
    points: list[DataPoint] = field(default_factory=list)
    """Those that are stored."""
    neighbours: int = 0
    """How many edges lead on from them."""
    looked: bool = False
    further: bool = False


def received_times(points: Iterable[DataPoint]) -> dict[DataPointId, int]:
    """When their nodes received or made data points, ms, of those where that is recorded."""
    records: dict[int, bool] = {}
    times = {}
    for point in points:
        context = point.context
        recorded = records.get(id(context))
        if recorded is None:
            recorded = records[id(context)] = context is None or context.has("rtime")
        if recorded:
            times[point.id] = point.received_ms
    return times


def fold(root: DataPointId, look: Look, bounds: Bounds, *, forward: bool = False) -> list[Card]:
    """The cards of the lineage of a data point, it itself first."""
    folding = _Folding(root, look, bounds, forward)
    level = [0]
    for _ in range(bounds.depth):
        folding.look_at(level)
        level = [card for at in level for card in folding.neighbours_of(at)]
    folding.look_at(level)
    for at in level:
        folding.cards[at].further = folding.cards[at].further or folding.cards[at].neighbours > 0
    return folding.cards


class _Folding:
    """The cards so far, and what was found for them."""

    def __init__(self, root: DataPointId, look: Look, bounds: Bounds, forward: bool) -> None:
        self.cards = [Card((root,), [])]
        self._places = {root: 0}
        self._found: dict[DataPointId, tuple[DataPoint, Sequence[Edge]]] = {}
        self._look = look
        self._fan, self._cards_max = bounds.fan, bounds.cards
        self._edges_max = self._points_left = bounds.points
        self._forward = forward

    def look_at(self, level: list[int]) -> None:
        """Look at the data points of cards, as far as there is room."""
        wanted: dict[DataPointId, None] = {}
        for at in level:
            card = self.cards[at]
            if card.outside:
                continue
            card.looked = len(card.ids) <= self._points_left
            card.further = not card.looked
            if card.looked:
                self._points_left -= len(card.ids)
                wanted |= dict.fromkeys(card.ids)
        if wanted:
            # Edges that are kept as runs are spelled out once.
            self._found |= {id: (point, tuple(edges)) for id, (point, edges) in self._look(wanted).items()}
        for at in level:
            card = self.cards[at]
            if not card.looked:
                continue
            card.points = [self._found[id][0] for id in card.ids if id in self._found]
            card.neighbours = sum(len(self._found[point.id][1]) for point in card.points)
            for lead in card.into:
                lead.hop = self._hop(card, self.cards[lead.card])

    def neighbours_of(self, at: int) -> list[int]:
        """Make cards of what a card leads on to; answers the new ones."""
        card = self.cards[at]
        if card.neighbours > self._edges_max or len(self.cards) >= self._cards_max:
            card.further = card.further or card.neighbours > 0
            return []
        parts = self._parts(card) if card.points else []
        return [made for (contribution, outside), ids in parts for made in self._add(at, ids, contribution, outside)]

    def _parts(self, card: Card) -> list[tuple[tuple[str | None, bool], list[DataPointId]]]:
        """Neighbours that get a card together: of one data point all of them when they are many, of several those at
        one node with one contribution."""
        if len(card.points) == 1:
            return self._parts_of_one(card.points[0])
        edges = [
            (edge, point.outside and not self._forward) for point in card.points for edge in self._found[point.id][1]
        ]
        apart: dict[tuple[int, str, bool], dict[DataPointId, None]] = {}
        for edge, leads_out in edges:
            apart.setdefault((edge.point.node, edge.contribution, leads_out), {})[edge.point] = None
        if len(apart) > self._fan:
            together = dict.fromkeys(edge.point for edge, _ in edges)
            return [((_shared(edge for edge, _ in edges), any(leads_out for _, leads_out in edges)), list(together))]
        return [((contribution, leads_out), list(ids)) for (_, contribution, leads_out), ids in apart.items()]

    def _parts_of_one(self, point: DataPoint) -> list[tuple[tuple[str | None, bool], list[DataPointId]]]:
        edges, outside = self._found[point.id][1], point.outside and not self._forward
        if len(edges) <= self._fan:
            return [((edge.contribution, outside), [edge.point]) for edge in edges]
        return [((_shared(edges), outside), list(dict.fromkeys(edge.point for edge in edges)))]

    def _add(self, at: int, ids: list[DataPointId], contribution: str | None, outside: bool) -> Iterable[int]:
        lead = Lead(at, contribution)
        if len(ids) == 1 and not outside:
            known = self._places.get(ids[0])
            if known is not None:
                if known not in (0, at) and all(other.card != at for other in self.cards[known].into):
                    lead.hop = self._hop(self.cards[known], self.cards[at])
                    self.cards[known].into.append(lead)
                return
            self._places[ids[0]] = len(self.cards)
        self.cards.append(Card(ids, [lead], outside))
        yield len(self.cards) - 1

    def _hop(self, card: Card, nearer: Card) -> tuple[int, int] | None:
        """The shortest and the longest time between the data points of two cards, in the direction of the flow."""
        ours, theirs = received_times(card.points), received_times(nearer.points)
        if len(theirs) == 1 and len(nearer.ids) == 1:  # It leads on to all of the other's.
            [there] = theirs.values()
            hops = {there - here for here in ours.values()}
        else:
            hops = {
                there - here
                for id, there in theirs.items()
                for edge in self._found[id][1]
                if (here := ours.get(edge.point)) is not None
            }
        if not hops:
            return None
        return (-max(hops), -min(hops)) if self._forward else (min(hops), max(hops))


def _shared(edges: Iterable[Edge]) -> str | None:
    """The contribution that edges have in common."""
    contributions = {edge.contribution for edge in edges}
    return contributions.pop() if len(contributions) == 1 else None
