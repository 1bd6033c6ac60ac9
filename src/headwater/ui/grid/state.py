"""The grid as the home page shows it, from the answers of the API. Pure.

Values are rounded to what the screen shows before they are compared, so that only what looks different is sent.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from headwater.client import results
from headwater.ui.grid.layout import layout
from headwater.ui.grid.troubles import Told, Troubles, alarm_of, troubles_of
from headwater.ui.live import Shown

HEALTH = {"Green": 0, "Yellow": 1, "Red": 2}
NO_NODE = -1
DIGITS = 3
PLACE_DIGITS = 6
"""Of degrees: some ten centimetres."""
FEW_NODES = 80
LANES_FEW, LANES_MANY = (14, 6), (24, 12)
"""How many nodes of a layer stand beside each other, on a wide page and on a tall one."""

Place = tuple[float, float]
"""Degrees north and east."""


class GridNode(NamedTuple):
    """A node as it stands; rates in readings a second."""

    health: int
    """The worst of the node and its daemons: 0 Green, 1 Yellow, 2 Red."""
    received: float
    sent: float
    waiting: int
    """Readings that its link has yet to deliver."""


class GridLink(NamedTuple):
    """A link as it stands."""

    health: int
    rate: float
    waiting: int


class Totals(msgspec.Struct, frozen=True):
    """The books of all links together, in readings: sent = delivered + buffered + dropped."""

    rate: float
    """Readings a second that arrive where nothing is sent on from."""
    stored: int
    """Stamped readings in the store."""
    sent: int
    delivered: int
    buffered: int
    dropped: int


class GridState(msgspec.Struct, frozen=True):
    """Everything that the page shows."""

    ids: tuple[str, ...]
    names: tuple[str, ...]
    ends: tuple[tuple[int, int], ...]
    """From and to which node each link leads, as positions in `ids`; NO_NODE for one that is not known."""
    nodes: tuple[GridNode, ...]
    links: tuple[GridLink, ...]
    totals: Totals
    alarms: tuple[Told, ...]
    troubles: Troubles
    places: tuple[Place | None, ...]
    """Where each node is on Earth; None where that is not known."""

    def whole(self) -> dict[str, object]:
        """See `Shown`; with the places of the nodes on a wide and on a tall page."""
        wide, tall = LANES_FEW if len(self.ids) < FEW_NODES else LANES_MANY
        return {
            **{field: getattr(self, field) for field in self.__struct_fields__},
            "wide": layout(len(self.ids), self.ends, wide),
            "tall": layout(len(self.ids), self.ends, tall),
        }

    def change(self, before: Shown) -> dict[str, object]:
        """See `Shown`; a whole of another shape has everything in it."""
        assert isinstance(before, GridState)
        if before._shape != self._shape:
            return {"anew": True, **self.whole()}
        changed: dict[str, object] = {
            "nodes": _changed(before.nodes, self.nodes),
            "links": _changed(before.links, self.links),
        }
        changed = {key: value for key, value in changed.items() if value}
        for part in ("totals", "alarms", "troubles"):
            if getattr(before, part) != getattr(self, part):
                changed[part] = getattr(self, part)
        return changed

    @property
    def _shape(self) -> tuple[object, ...]:
        """What the page draws anew for."""
        return (self.ids, self.names, self.ends, self.places)


def _changed(before: Sequence[tuple[object, ...]], after: Sequence[tuple[object, ...]]) -> list[list[object]]:
    """The position of what is not as it was, and its values."""
    return [[at, *new] for at, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]


def rounded(value: float) -> float:
    """A rate with as many digits as are shown."""
    return float(f"{value:.{DIGITS}g}")


def grid_state(
    health: results.ClusterHealth,
    stats: Sequence[results.NodeStat],
    totals: results.Totals,
    places: Mapping[str, Place],
) -> GridState:
    """The grid by the last look of the judge, with the places of nodes by id."""
    rates = {stat.id: stat for stat in stats}
    ids = tuple(sorted({node.id for node in health.nodes}))
    at = {id: position for position, id in enumerate(ids)}
    names = {node.id: node.name or node.id for node in health.nodes}
    words = {node.id: max(HEALTH[part.health] for part in (node.node, node.pipeline, node.provenance))
             for node in health.nodes}  # fmt: skip
    waiting = {link.source: link.account.buffered for link in health.links if link.account is not None}
    links = sorted(
        (link for link in health.links if link.source in at), key=lambda link: (link.source, link.target or "")
    )
    return GridState(
        ids=ids,
        names=tuple(names[id] for id in ids),
        ends=tuple((at[link.source], at.get(link.target or "", NO_NODE)) for link in links),
        nodes=tuple(_node(words[id], rates.get(id), waiting.get(id, 0)) for id in ids),
        links=tuple(_link(link) for link in links),
        totals=_totals(health, stats, totals),
        alarms=tuple(alarm_of(alarm, names) for alarm in health.alarms),
        troubles=troubles_of(health, names),
        places=tuple(places.get(id) for id in ids),
    )


def places_of(nodes: Sequence[results.Node]) -> dict[str, Place]:
    """Where nodes are, by id, as far as it is known."""
    return {
        node.id: (round(at.latitude, PLACE_DIGITS), round(at.longitude, PLACE_DIGITS))
        for node in nodes
        if (at := node.location) is not None and at.latitude is not None and at.longitude is not None
    }


def _node(health: int, stat: results.NodeStat | None, waiting: int) -> GridNode:
    if stat is None:
        return GridNode(health, 0.0, 0.0, waiting)
    return GridNode(health, rounded(stat.receive_rate), rounded(stat.send_rate), waiting)


def _link(link: results.HealthLink) -> GridLink:
    account, word = link.account, HEALTH[link.link.health]
    if account is None:
        return GridLink(word, 0.0, 0)
    # The last that a source told stays in the books of a link that passes nothing any longer.
    rate = 0.0 if link.link.health == "Red" else rounded(account.rate)
    return GridLink(word, rate, account.buffered)


def _totals(health: results.ClusterHealth, stats: Sequence[results.NodeStat], totals: results.Totals) -> Totals:
    sending = {link.source for link in health.links}
    accounts = [link.account for link in health.links if link.account is not None]
    return Totals(
        rate=rounded(sum(stat.receive_rate for stat in stats if stat.id not in sending)),
        stored=totals.stamps,
        sent=sum(account.sent for account in accounts),
        delivered=sum(account.delivered for account in accounts),
        buffered=sum(account.buffered for account in accounts),
        dropped=sum(sum(account.dropped.values()) for account in accounts),
    )
