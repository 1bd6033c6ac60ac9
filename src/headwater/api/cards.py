"""Folded lineages, and inputs part by part, as JSON documents."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from msgspec import UNSET

from headwater.api import documents
from headwater.api.folding import Card
from headwater.api.gather import Facts, histories_of, nodes_of
from headwater.api.groups import group_of
from headwater.api.points import Painter
from headwater.model.ids import DataPointId
from headwater.store.port import DataPoint, Reader


class Split(NamedTuple):
    """The inputs (or outputs) of a data point, some of them in parts."""

    total: int
    parts: list[tuple[int, list[DataPointId]]]
    """The place of the first, and the ids."""
    points: Mapping[DataPointId, DataPoint]
    """Those that are stored."""
    onward: Mapping[DataPointId, int]
    """How many neighbours of their own these have."""
    outside: bool


def folded_document(reader: Reader, id: DataPointId, forward: bool, cards: list[Card]) -> documents.FoldedLineage:
    absent = [
        id
        for card in cards
        if card.looked and len(card.points) < len(card.ids)
        for id in set(card.ids).difference(point.id for point in card.points)
    ]
    facts = _facts(reader, absent, (card.points[0].id for card in cards if len(card.ids) == 1 and card.points))
    painter = Painter(facts)
    return documents.FoldedLineage(
        id=str(id), direction=_direction(forward), cards=[_card(card, facts, painter) for card in cards]
    )


def neighbours_document(reader: Reader, id: DataPointId, forward: bool, split: Split) -> documents.Neighbours:
    shown = [id for _, ids in split.parts for id in ids]
    absent = [] if split.outside else [id for id in shown if id not in split.points]
    single = (ids[0] for _, ids in split.parts if len(ids) == 1 and ids[0] in split.points)
    facts = _facts(reader, absent, single)
    painter = Painter(facts)
    return documents.Neighbours(
        id=str(id),
        direction=_direction(forward),
        count=split.total,
        parts=[_part(first, ids, split, facts, painter) for first, ids in split.parts],
    )


def _direction(forward: bool) -> documents.Direction:
    return "forward" if forward else "backward"


def _facts(reader: Reader, absent: list[DataPointId], single: Iterable[DataPointId]) -> Facts:
    missing = reader.missing(absent) if absent else {}
    return Facts(True, nodes_of(reader), missing, histories_of(reader, True, single))


def _card(card: Card, facts: Facts, painter: Painter) -> documents.FoldedCard:
    document = documents.FoldedCard(
        count=len(card.ids),
        into=[
            documents.Into(
                card=lead.card,
                contribution=UNSET if lead.contribution is None else lead.contribution,
                hop=UNSET if lead.hop is None else documents.Span(*lead.hop),
            )
            for lead in card.into
        ],
        further=card.further,
    )
    if len(card.ids) == 1:
        document.point = _point(next(iter(card.ids)), card.points[0] if card.points else None, card.outside, painter)
        if card.points:
            document.neighbours = card.neighbours
    elif card.looked or card.outside:
        document.group = group_of(card.ids, card.points, facts.nodes, facts.missing, outside=card.outside)
    return document


def _part(first: int, ids: list[DataPointId], split: Split, facts: Facts, painter: Painter) -> documents.NeighbourPart:
    document = documents.NeighbourPart(first=first, last=first + len(ids))
    if len(ids) == 1:
        document.point = _point(ids[0], split.points.get(ids[0]), split.outside, painter)
        document.neighbours = split.onward.get(ids[0], UNSET)
    else:
        stored = [split.points[id] for id in ids if id in split.points]
        document.group = group_of(ids, stored, facts.nodes, facts.missing, outside=split.outside)
    return document


def _point(id: DataPointId, point: DataPoint | None, outside: bool, painter: Painter) -> documents.Datapoint:
    return painter.document(point) if point is not None else painter.stub(id, outside)
