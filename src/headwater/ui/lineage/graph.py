"""The cards of a lineage and the lines between them, made of the API's answers. Pure.

What is many is one card until it is opened; then it goes apart by meter, by page, one by one. No more than `CARDS_MAX`
cards are drawn: what does not fit stays closed, and `crowded` says so.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from headwater.client.results import Datapoint, FoldedCard, FoldedLineage, Group, NeighbourPart, Neighbours, Span
from headwater.ui.lineage.keys import ID_DIGITS, Key, behind_key, group_key, part_key
from headwater.ui.lineage.view import View

CARDS_MAX = 200


class Question(NamedTuple):
    """What the API is asked: the lineage of a data point, or its neighbours at some places."""

    id: str
    forward: bool
    part: tuple[int, int] | None = None
    """None for the lineage."""


ALL = (0, 100_000)
"""The places of all neighbours that can be told apart."""
Answers = Mapping[Question, FoldedLineage | Neighbours]


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A card: one data point, many together, or (with `chain`) nodes that passed something on unchanged."""

    key: str
    count: int = 1
    point: Datapoint | None = None
    neighbours: int | None = None
    """How many inputs (forward: outputs) it has."""
    group: Group | None = None
    is_part: bool = False
    """It is one of many beside each other, and drawn small."""
    forward: bool = False
    """It is something that the data point went into."""
    opens: str | None = None
    """What opens or closes when it is chosen."""
    is_open: bool = False
    further: bool = False
    """More depth shows where it leads on to."""
    chain: tuple[str, ...] = ()
    """The names of the nodes, in the order in which they passed it on."""
    within: Span | None = None
    """The time from the first of these nodes to the last, ms."""
    closes: str | None = None
    """The chain that becomes one card again."""


class Line(msgspec.Struct, frozen=True):
    """Something flowed from one card into another."""

    source: str
    target: str
    contribution: str | None = None
    """None when it is not the same for all."""
    hop: Span | None = None
    """The time between both, ms; None where it is not recorded."""


class Drawn(NamedTuple):
    """All cards by key, the asked data point first, and the lines between them."""

    cards: dict[str, Card]
    lines: dict[tuple[str, str], Line]
    crowded: bool


def questions(view: View) -> list[Question]:
    """What a view needs to know."""
    asked = [Question(view.id, False)]
    if view.forward:
        asked.append(Question(view.id, True))
    for key in view.keys:
        if key.is_chain:
            continue
        if key.direction is not None:
            asked.append(Question(key.id, key.forward, key.part or ALL))
        elif key.id != view.id:  # In which direction it stands is known once it is drawn.
            asked += [Question(key.id, forward) for forward in ((False, True) if view.forward else (False,))]
    return list(dict.fromkeys(asked))


def drawn(view: View, answers: Answers) -> Drawn:
    """The cards and lines of a view; answers that are missing leave their card closed."""
    drawing = _Drawing(view, answers)
    drawing.lineage(view.id, False)
    if view.forward:
        drawing.lineage(view.id, True)
    return Drawn(drawing.cards, drawing.lines, drawing.crowded)


class _Drawing:
    """What is drawn so far."""

    def __init__(self, view: View, answers: Answers) -> None:
        self.cards: dict[str, Card] = {}
        self.lines: dict[tuple[str, str], Line] = {}
        self.crowded = False
        self._opened = {key.text: key for key in view.keys}
        self._answers = answers

    def lineage(self, id: str, forward: bool) -> None:
        """Draw what a data point was made from (or went into) as far as the answer goes."""
        answer = self._answers.get(Question(id, forward))
        if not isinstance(answer, FoldedLineage):
            return
        keys: list[str | None] = []
        numbers: dict[str, int] = {}
        for card in answer.cards:
            near = None if not card.into else keys[card.into[0].card]
            if card.into and (near is None or self._goes_apart(near)):
                keys.append(None)  # It stands behind what is shown in parts.
                continue
            key = _key(card, near, forward, numbers)
            keys.append(key if self._put(_card(card, key, forward)) else None)
            for into in card.into if keys[-1] else ():
                nearer = keys[into.card]
                if nearer is not None:
                    self._draw(key, nearer, forward, into.contribution, into.hop)
            if keys[-1] and self._goes_apart(key):
                self._part(self._opened[key], key)

    def _goes_apart(self, key: str) -> bool:
        """Whether a card of many is opened, and its parts are known."""
        opened = self._opened.get(key)
        return opened is not None and opened.direction is not None and self._parts(opened) is not None

    def _parts(self, key: Key) -> Neighbours | None:
        answer = self._answers.get(Question(key.id, key.forward, key.part or ALL))
        return answer if isinstance(answer, Neighbours) else None

    def _part(self, key: Key, near: str) -> None:
        """Draw the parts of a card of many."""
        answer = self._parts(key)
        if answer is None or not answer.parts:
            return
        if len(self.cards) + len(answer.parts) > CARDS_MAX:
            self.crowded = True
            return
        self.cards[near] = replace(self.cards[near], is_open=True)
        fresh = [(_part_card(part, key, self._opened), part) for part in answer.parts]
        for card, part in fresh:
            self._put(card)
            self._draw(card.key, near, key.forward, None, self._hop(key, part))
        for card, _ in fresh:
            opened = self._opened.get(card.key)
            if opened is not None and opened.direction is not None:
                self._part(opened, card.key)
            elif opened is not None:
                self.lineage(card.key, key.forward)

    def _hop(self, key: Key, part: NeighbourPart) -> Span | None:
        """The time between some neighbours of a data point and itself."""
        owner = self.cards.get(key.id)
        ours = owner.point.context.receive_time if owner is not None and owner.point is not None else None
        theirs = part.group.received if part.group is not None else None
        if part.point is not None and part.point.context.receive_time is not None:
            theirs = Span(part.point.context.receive_time, part.point.context.receive_time)
        if ours is None or theirs is None:
            return None
        if key.forward:
            return Span(theirs.least - ours, theirs.most - ours)
        return Span(ours - theirs.most, ours - theirs.least)

    def _put(self, card: Card) -> bool:
        """Have a card drawn; False when there is no room."""
        known = self.cards.get(card.key)
        if known is not None:
            if card.neighbours is not None and card.forward == known.forward:  # What is known of it as a part is less.
                kept = {"is_part": known.is_part, "opens": known.opens, "is_open": known.is_open}
                self.cards[card.key] = replace(card, **kept)
            return True
        if len(self.cards) >= CARDS_MAX:
            self.crowded = True
            return False
        self.cards[card.key] = card
        return True

    def _draw(self, far: str, near: str, forward: bool, contribution: str | None, hop: Span | None) -> None:
        source, target = (near, far) if forward else (far, near)
        if source != target:
            self.lines.setdefault((source, target), Line(source, target, contribution, hop))


def _key(card: FoldedCard, near: str | None, forward: bool, numbers: dict[str, int]) -> str:
    if card.point is not None:
        return card.point.id
    assert near is not None  # The first card is always a data point.
    if len(near) == ID_DIGITS:
        return group_key(near, forward)
    numbers[near] = numbers.get(near, 0) + 1
    return behind_key(near, numbers[near])


def _card(card: FoldedCard, key: str, forward: bool) -> Card:
    can_open = card.point is None and "~" not in key and card.group is not None
    return Card(
        key=key,
        count=card.count,
        point=card.point,
        neighbours=card.neighbours,
        group=card.group,
        forward=forward,
        opens=key if can_open else None,
        further=card.further,
    )


def _part_card(part: NeighbourPart, owner: Key, opened: Mapping[str, Key]) -> Card:
    key = part.point.id if part.point is not None else part_key(owner.id, owner.forward, part.first, part.last)
    leads_on = part.group is not None or bool(part.neighbours)
    return Card(
        key=key,
        count=part.last - part.first,
        point=part.point,
        neighbours=part.neighbours,
        group=part.group,
        is_part=True,
        forward=owner.forward,
        opens=key if leads_on else None,
        is_open=leads_on and part.point is not None and key in opened,
    )
