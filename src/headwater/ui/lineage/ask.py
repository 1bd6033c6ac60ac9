"""Asks the API for what a view of a lineage needs, and makes the drawing of it that the browser shows."""

import asyncio

import msgspec

from headwater.client import AsyncClient
from headwater.client.results import FoldedLineage, Neighbours
from headwater.model.errors import HeadwaterError, NotFound, Rejected, Unavailable
from headwater.ui.lineage.chains import folded
from headwater.ui.lineage.graph import CARDS_MAX, Answers, Card, Line, Question, drawn, questions
from headwater.ui.lineage.layout import arrange
from headwater.ui.lineage.view import View, is_id

AT_ONCE = 4
"""Questions that one page has the API answer at a time."""
LOST = ("expired", "damaged", "dropped", "gap")
"""Why the store may say that it does not hold a data point."""


class PlacedCard(msgspec.Struct, frozen=True):
    """A card and where it stands."""

    card: Card
    column: int
    row: float
    """Of its middle, in heights of a card; small ones take half of one."""
    tall: float
    """The same where the columns lie on top of each other, and all cards are as wide."""


class Drawing(msgspec.Struct, frozen=True, kw_only=True):
    """What the browser draws."""

    id: str
    forward: bool
    depth: int
    cards: list[PlacedCard] = []
    lines: list[Line] = []
    crowded: bool = False
    """Something that is opened did not fit."""
    refused: bool = False
    """Something that is opened is too much for the API."""
    incomplete: bool = False
    """Something that is opened got no answer now."""
    problem: str | None = None
    """Why there is nothing: malformed, unknown, expired, damaged, dropped, gap, too-large or away."""


async def drawing(client: AsyncClient, view: View) -> Drawing:
    """The drawing of a view; what the API refuses is said in it."""
    if not is_id(view.id):
        return Drawing(id=view.id, forward=view.forward, depth=view.depth, problem="malformed")
    room = asyncio.Semaphore(AT_ONCE)
    asked = questions(view)

    async def ask(question: Question) -> FoldedLineage | Neighbours | HeadwaterError:
        async with room:
            try:
                return await _ask(client, question, view.depth)
            except HeadwaterError as error:
                return error

    said = dict(zip(asked, await asyncio.gather(*map(ask, asked)), strict=True))
    for start in (question for question in asked if question.id == view.id and question.part is None):
        error = said[start]
        if isinstance(error, HeadwaterError):
            return Drawing(
                id=view.id, forward=view.forward, depth=view.depth, problem=await _problem(client, view, error)
            )
    refused = any(isinstance(answer, Rejected) and answer.reason == "too-large" for answer in said.values())
    unanswered = any(isinstance(answer, Unavailable) for answer in said.values())
    known = {question: answer for question, answer in said.items() if not isinstance(answer, HeadwaterError)}
    return msgspec.structs.replace(placed(view, known), refused=refused, incomplete=unanswered)


def placed(view: View, answers: Answers) -> Drawing:
    """The drawing of what is known. Pure."""
    whole = folded(drawn(view, answers), view.id, view.opened)
    parts = [key for key, card in whole.cards.items() if card.is_part]
    spots = arrange(list(whole.cards), whole.lines, view.id, parts)
    tall = arrange(list(whole.cards), whole.lines, view.id)
    return Drawing(
        id=view.id,
        forward=view.forward,
        depth=view.depth,
        cards=[PlacedCard(card, *spots[key], tall[key].row) for key, card in whole.cards.items() if key in spots],
        lines=[line for line in whole.lines.values() if line.source in spots and line.target in spots],
        crowded=whole.crowded,
    )


async def _ask(client: AsyncClient, question: Question, depth: int) -> FoldedLineage | Neighbours:
    id, forward, part = question
    if part is None:
        return await client.folded(id, forward=forward, depth=depth, cards=CARDS_MAX)
    return await client.neighbours(id, forward=forward, first=part[0], last=part[1])


async def _problem(client: AsyncClient, view: View, error: HeadwaterError) -> str:
    if isinstance(error, Rejected):
        return "too-large" if error.reason == "too-large" else "malformed"
    if not isinstance(error, NotFound):
        return "away"
    try:
        [point] = await client.points([view.id], detail=True)
    except HeadwaterError:
        return "away"
    return point.missing if point.missing in LOST else "unknown"
