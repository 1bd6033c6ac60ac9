"""Nodes that only passed something on: two or more in a row become one card. Pure."""

from collections.abc import Collection, Iterator

from msgspec.structs import replace

from headwater.client.results import Span
from headwater.ui.lineage.graph import Card, Drawn, Line
from headwater.ui.lineage.keys import chain_key

FORWARDED = "simple"
"""What the API calls it when an input was passed on as it was."""
SHORTEST = 2


def folded(drawn: Drawn, root: str, opened: Collection[str]) -> Drawn:
    """The same with every chain of plain forwarding as one card, but for those that are opened."""
    before: dict[str, list[Line]] = {}
    behind: dict[str, list[Line]] = {}
    for line in drawn.lines.values():
        behind.setdefault(line.source, []).append(line)
        before.setdefault(line.target, []).append(line)

    def only(lines: list[Line] | None) -> Line | None:
        return lines[0] if lines is not None and len(lines) == 1 and lines[0].contribution == FORWARDED else None

    def is_plain(card: Card) -> bool:
        into, out_of = only(before.get(card.key)), only(behind.get(card.key))
        if into is None or out_of is None or card.key == root or card.opens is not None or card.further:
            return False
        what = card.point if card.point is not None else card.group
        alike = card.count == drawn.cards[into.source].count == drawn.cards[out_of.target].count
        return what is not None and what.kind == "data" and alike

    plain = {key for key, card in drawn.cards.items() if is_plain(card)}
    cards, lines = dict(drawn.cards), dict(drawn.lines)
    for chain in _chains(plain, behind):
        if len(chain) < SHORTEST:
            continue
        first = drawn.cards[chain[0]]
        nearest = chain[0] if first.forward else chain[-1]
        key = chain_key(nearest)
        if key in opened:
            cards[nearest] = replace(cards[nearest], closes=key)
            continue
        into, out_of = before[chain[0]][0], behind[chain[-1]][0]
        inner = [behind[link][0].hop for link in chain[:-1]]
        card = Card(
            key=key, count=first.count, forward=first.forward, opens=key, within=_sum(inner),
            chain=tuple(_name(drawn.cards[link]) for link in chain),
        )  # fmt: skip
        cards = {
            (key if kept == chain[0] else kept): (card if kept == chain[0] else was)
            for kept, was in cards.items()
            if kept == chain[0] or kept not in chain
        }
        for link in chain:
            del lines[before[link][0].source, link]
        del lines[out_of.source, out_of.target]
        lines[into.source, key] = Line(into.source, key, FORWARDED, into.hop)
        lines[key, out_of.target] = Line(key, out_of.target, FORWARDED, out_of.hop)
    return drawn._replace(cards=cards, lines=lines)


def _chains(plain: Collection[str], behind: dict[str, list[Line]]) -> Iterator[list[str]]:
    """The plain cards in rows, in the order of the flow."""
    onward = {key: behind[key][0].target for key in plain}
    begun = set(onward.values())
    for key in onward:
        if key in begun:
            continue
        chain = [key]
        while (target := onward[chain[-1]]) in onward:
            chain.append(target)
        yield chain


def _name(card: Card) -> str:
    if card.point is not None:
        return card.point.node or card.point.context.host_id or ""
    nodes = card.group.nodes if card.group is not None else ()
    return ", ".join(node.name or node.node for node in nodes[:3])


def _sum(hops: list[Span | None]) -> Span | None:
    known = [hop for hop in hops if hop is not None]
    if len(known) < len(hops):
        return None
    return Span(sum(hop.least for hop in known), sum(hop.most for hop in known))
