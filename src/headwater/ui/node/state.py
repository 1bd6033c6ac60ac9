"""A node as its page shows it, from the answers of the API. Pure."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, TypeVar

import msgspec

from headwater.client import results
from headwater.ui.evidence import Said, said
from headwater.ui.live import Shown
from headwater.ui.node.history import HEALTH, Changed, Part, Strip

DIGITS = 3
DAEMONS = ("node", "pipeline", "provenance")

Known = Literal["known", "gone", "unknown"]
"""`gone`: it was there, and has been taken out of the grid."""


class Sample(NamedTuple):
    """Rates at a moment, in readings a second."""

    at: int
    received: float
    sent: float


class VerdictShown(msgspec.Struct, frozen=True):
    """How a part stands."""

    part: str
    target: str
    target_name: str
    health: int
    since: int
    evidence: Said
    doubt: Said | None
    cause: dict[str, str] | None
    """part, node, name and target of what explains it."""


class LinkShown(msgspec.Struct, frozen=True):
    """A link from or to the node, with its books in readings: sent = delivered + buffered + dropped."""

    way: Literal["in", "out"]
    node: str
    """The other end; empty while it is not known."""
    name: str
    health: int
    since: int
    evidence: Said
    sent: int
    delivered: int
    buffered: int
    dropped: int
    rate: float
    oldest_ms: int
    is_counted: bool
    """Whether its source has told its books."""


class ClockShown(msgspec.Struct, frozen=True):
    """A neighbour's clock minus the node's own, ms."""

    node: str
    name: str
    offset_ms: float
    round_trip_ms: float


class Flow(msgspec.Struct, frozen=True):
    """What goes through the node; rates in readings a second, the rest in readings since its log began."""

    receive_rate: float = 0.0
    send_rate: float = 0.0
    received: int = 0
    sent: int = 0
    backlog: int = 0
    """Records that the next hop has not acknowledged."""
    unshipped: int = 0
    """Records whose stamps are not in the store."""
    refused: dict[str, int] = {}
    dropped: dict[str, int] = {}
    redis: dict[str, int] = {}
    troubles: dict[str, str] = {}
    durable: int = 0
    """Grows with every record of its log."""


class Settings(msgspec.Struct, frozen=True):
    """How it is configured, as far as it has told."""

    listen: str = ""
    agent: str = ""
    next: str = ""
    next_id: str = ""
    next_name: str = ""
    protocol: str = ""
    steps: tuple[str, ...] = ()
    when_full: str = ""
    provenance: bool | None = None
    log: str = ""
    place: str = ""
    latitude: float | None = None
    longitude: float | None = None


class NodeState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the page shows but its data points, which it asks for itself."""

    known: Known
    id: str
    name: str
    verdicts: tuple[VerdictShown, ...] = ()
    links: tuple[LinkShown, ...] = ()
    clocks: tuple[ClockShown, ...] = ()
    flow: Flow = Flow()
    settings: Settings = Settings()
    strips: tuple[Strip, ...] = ()
    changes: tuple[Changed, ...] = ()
    samples: tuple[Sample, ...] = ()
    alarms: tuple[dict[str, object], ...] = ()
    """All of the grid, for the count in the header; `mine` says which are about this node."""

    def whole(self) -> dict[str, object]:
        """See `Shown`."""
        return {field: getattr(self, field) for field in self.__struct_fields__}

    def change(self, before: Shown) -> dict[str, object]:
        """See `Shown`; of the samples only what is new, as `fresh`."""
        assert isinstance(before, NodeState)
        changed: dict[str, object] = {
            field: value
            for field in self.__struct_fields__
            if field != "samples" and (value := getattr(self, field)) != getattr(before, field)
        }
        last = before.samples[-1].at if before.samples else 0
        if fresh := [sample for sample in self.samples if sample.at > last]:
            changed["fresh"] = fresh
        return changed


def rounded(value: float) -> float:
    """A rate with as many digits as are shown."""
    return float(f"{value:.{DIGITS}g}")


N = TypeVar("N", results.Node, results.HealthNode)


def found(nodes: Sequence[N], text: str) -> N | None:
    """The node of an id, else of a name; the first of several."""
    by_id = next((node for node in nodes if node.id == text.lower()), None)
    return by_id or next((node for node in nodes if node.name == text), None)


def parts_of(health: results.ClusterHealth, id: str) -> list[tuple[Part, results.Judged]]:
    """The node, its daemons and the links from it, with how they stand."""
    node = next((node for node in health.nodes if node.id == id), None)
    own = [] if node is None else [((part, ""), getattr(node, part)) for part in DAEMONS]
    links = [link for link in health.links if link.source == id]
    return own + [(("link", link.target or ""), link.link) for link in links]


def verdicts_of(parts: Sequence[tuple[Part, results.Judged]], names: Mapping[str, str]) -> tuple[VerdictShown, ...]:
    """The same as it is shown."""
    return tuple(
        VerdictShown(
            part=part,
            target=target,
            target_name=names.get(target, target),
            health=HEALTH[verdict.health],
            since=verdict.since,
            evidence=said(verdict.evidence),
            doubt=said(verdict.doubt) if verdict.doubt else None,
            cause=None if verdict.cause is None else _subject(verdict.cause, names),
        )
        for (part, target), verdict in parts
    )


def links_of(health: results.ClusterHealth, id: str, names: Mapping[str, str]) -> tuple[LinkShown, ...]:
    """The links to the node by name, then those from it."""
    into = sorted((link for link in health.links if link.target == id), key=lambda link: names.get(link.source, ""))
    return tuple(_link("in", link.source, link, names) for link in into) + tuple(
        _link("out", link.target or "", link, names) for link in health.links if link.source == id
    )


def _link(way: Literal["in", "out"], end: str, link: results.HealthLink, names: Mapping[str, str]) -> LinkShown:
    account = link.account or results.Account(0, 0, 0, {}, 0.0, 0)
    return LinkShown(
        way=way,
        node=end,
        name=names.get(end, end) or link.address,
        health=HEALTH[link.link.health],
        since=link.link.since,
        evidence=said(link.link.evidence),
        sent=account.sent,
        delivered=account.delivered,
        buffered=account.buffered,
        dropped=sum(account.dropped.values()),
        rate=rounded(account.rate),
        oldest_ms=account.oldest_ms,
        is_counted=link.account is not None,
    )


def clocks_of(health: results.ClusterHealth, id: str, names: Mapping[str, str]) -> tuple[ClockShown, ...]:
    """The clocks that the node sees, by name of their node."""
    node = next((node for node in health.nodes if node.id == id), None)
    seen = () if node is None else node.clocks
    shown = (
        ClockShown(
            node=clock.node,
            name=names.get(clock.node, clock.node),
            offset_ms=round(clock.offset_ms, 2),
            round_trip_ms=round(clock.round_trip_ms, 2),
        )
        for clock in seen
    )
    return tuple(sorted(shown, key=lambda clock: clock.name))


def flow_of(stat: results.NodeStat | None) -> Flow:
    """What the node last told of its readings."""
    if stat is None:
        return Flow()
    return Flow(
        receive_rate=rounded(stat.receive_rate),
        send_rate=rounded(stat.send_rate),
        received=stat.received or 0,
        sent=stat.sent or 0,
        backlog=stat.backlog or 0,
        unshipped=stat.unshipped or 0,
        refused=stat.refused,
        dropped=stat.dropped,
        redis=stat.redis,
        troubles=stat.troubles,
        durable=stat.durable or 0,
    )


def settings_of(node: results.Node | None, names: Mapping[str, str]) -> Settings:
    """How the node is configured."""
    if node is None:
        return Settings()
    place = node.location
    return Settings(
        listen=node.listen or "",
        agent=node.agent or "",
        next=node.next or "",
        next_id=node.successor or "",
        next_name=names.get(node.successor or "", ""),
        protocol=node.protocol or "",
        steps=node.steps,
        when_full=node.when_full or "",
        provenance=node.provenance,
        log=node.log or "",
        place="" if place is None else place.label or "",
        latitude=None if place is None else place.latitude,
        longitude=None if place is None else place.longitude,
    )


def alarms_of(health: results.ClusterHealth, id: str, names: Mapping[str, str]) -> tuple[dict[str, object], ...]:
    """Every alarm, and whether it is of this node or explains how it stands."""
    return tuple(
        {
            **_subject(alarm.subject, names),
            "since": alarm.since,
            "evidence": said(alarm.evidence),
            "mine": id in {each.node for each in (alarm.subject, *alarm.explains)},
        }
        for alarm in health.alarms
    )


def _subject(subject: results.Subject, names: Mapping[str, str]) -> dict[str, str]:
    node, target = subject.node or "", subject.target or ""
    return {"part": subject.part, "node": node, "name": names.get(node, node), "target": names.get(target, target)}
