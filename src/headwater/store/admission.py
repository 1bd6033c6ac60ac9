"""Who may write to a store, and what of what they send is taken: the same for every implementation. No I/O."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from headwater.model.errors import Rejected
from headwater.model.ids import NODE_MAX, format_node
from headwater.model.shipment import Shipment
from headwater.store.ingest import LOG_BYTES
from headwater.store.planning import SEQUENCE_MAX, Changes, Planner
from headwater.store.port import Alarm, Group

LIVE_MS = 30_000
"""How long a node that does not say bye keeps others from its id."""
ALARMING = frozenset({"conflict", "node-conflict"})
_NAME_LENGTH_MAX = 1000


class _Live(NamedTuple):
    log: bytes
    seen_ms: int


class Admission:
    """Which log each node of a site writes with, and what becomes of their groups."""

    def __init__(self, site: str, now: Callable[[], int], node_of: Callable[[bytes], int | None]) -> None:
        """`now` gives ms since the epoch; `node_of` the node that has said hello with a log."""
        self._site = site
        self._now = now
        self._node_of = node_of
        self._live: dict[int, _Live] = {}

    def check(self, site: str, node: int, log: bytes, name: str, address: str, now_ms: int) -> None:
        """Rejected when who says hello is wrong in itself or cannot be told from another."""
        if site != self._site:
            raise Rejected("site", f"this store holds site {self._site!r}, not {site[:70]!r}")
        if not 0 <= node <= NODE_MAX:
            raise Rejected("node", f"node id {node} does not fit in 3 bytes")
        if len(log) != LOG_BYTES:
            raise Rejected("log", f"a log id of {len(log)} bytes, {LOG_BYTES} are needed")
        if max(len(name), len(address)) > _NAME_LENGTH_MAX:
            raise Rejected("name", f"a name or address of more than {_NAME_LENGTH_MAX} characters")
        self._check_identity(node, log, now_ms)

    def admit(self, node: int, log: bytes, now_ms: int) -> None:
        """From here on the node writes with this log."""
        self._live[node] = _Live(log, now_ms)

    def bye(self, log: bytes) -> None:
        """The agent of a log has gone."""
        for node, live in list(self._live.items()):
            if live.log == log:
                del self._live[node]

    def seen(self, node: int, now_ms: int) -> None:
        """A node has given a sign of life."""
        live = self._live.get(node)
        if live is not None:
            self._live[node] = live._replace(seen_ms=now_ms)

    def judge(
        self, planner: Planner, groups: Iterable[Group], now_ms: int
    ) -> tuple[list[Rejected | None], dict[bytes, int]]:
        """What becomes of each group, in turn, and how far each log is stored then."""
        positions: dict[bytes, int] = {}
        return [self._judge(planner, group, positions, now_ms) for group in groups], positions

    def refusal(self, refusal: Rejected, node: int, log: bytes) -> Changes:
        """What a refusal outside a group changes."""
        changes = Changes.none()
        _note_refusal(changes, refusal, self._alarm(refusal, node & NODE_MAX, log[:LOG_BYTES], 0))
        return changes

    def _check_identity(self, node: int, log: bytes, now_ms: int) -> None:
        owner = self._node_of(log)
        if owner not in (None, node):
            raise Rejected("node-conflict", f"log {log.hex()} is of node {owner:06x}, not of {node:06x}")
        live = self._live.get(node)
        if live is not None and live.log != log and now_ms - live.seen_ms < LIVE_MS:
            raise Rejected(
                "node-conflict",
                f"node {format_node(node)} is live with log {live.log.hex()}: give one of the two another id, or"
                f" wait {LIVE_MS // 1000} s if its log was replaced",
            )

    def _judge(self, planner: Planner, group: Group, positions: dict[bytes, int], now_ms: int) -> Rejected | None:
        node = self._node_of(group.log)
        refusal = group.shipment if isinstance(group.shipment, Rejected) else None
        if node is None:
            refusal = Rejected("unknown-node", f"log {group.log.hex()} has not said hello")
        elif not 0 <= group.last <= SEQUENCE_MAX:
            refusal = Rejected("sequence", f"sequence {group.last} is out of range")
        else:
            self.seen(node, now_ms)
            positions[group.log] = max(group.last, positions.get(group.log, 0))
            if isinstance(group.shipment, Shipment):
                refusal = planner.judge(group.log, node, group.shipment)
        if refusal is not None:
            _note_refusal(planner.changes, refusal, self._alarm(refusal, node or 0, group.log, group.last))
        return refusal

    def _alarm(self, refusal: Rejected, node: int, log: bytes, sequence: int) -> Alarm:
        return Alarm(self._now(), refusal.reason, node, log, sequence & SEQUENCE_MAX, refusal.detail)


def unknown_reporter(node: int) -> Rejected:
    """Why a report is refused whose node the store does not know."""
    return Rejected("unknown-node", f"a report of node {node}, which has not said hello")


def _note_refusal(changes: Changes, refusal: Rejected, alarm: Alarm) -> None:
    changes.refused.append(refusal.reason)
    if refusal.reason in ALARMING:
        changes.alarms.append(alarm)
