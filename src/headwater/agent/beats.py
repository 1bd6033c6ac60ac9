"""What beats between agents tell: who lives, how its node moves, and how far its clock is from ours. No I/O.

The offset of a neighbour's clock is estimated as in NTP (RFC 5905, section 8): the sample with the shortest round trip
of the last few counts.
"""

import math
from collections import Counter, deque
from typing import NamedTuple

from headwater.model.errors import Rejected
from headwater.model.report import Neighbour, Progress
from headwater.wire import headwater_pb2 as pb
from headwater.wire.link import LINK_VERSION

PEERS_MAX = 1000
LIVE_MS = 3000
"""A node that was heard this lately is there: another log under its id is another node."""
SAMPLES = 16
LIVES = 16
"""So many ended lives of an agent are known: what they sent and comes late is no sign of life."""
_WEIGHT = 1 / 16
"""Of a new interval in the running mean and variance."""
_AGE_MS_MAX = 0xFFFF_FFFF


class _Sample(NamedTuple):
    round_trip_us: int
    offset_us: float


class Peer:
    """The agent of a neighbouring node."""

    def __init__(self, beat: pb.Beat, now_ms: int) -> None:
        self.node = int.from_bytes(beat.node, "big")
        self.log = bytes(beat.log)
        self.heard_ms = now_ms
        self.life, self.number = beat.life, 0
        self._ended: deque[int] = deque(maxlen=LIVES)
        self.progress = Progress()
        self._mean_ms = 0.0
        self._variance = 0.0
        self._samples: deque[_Sample] = deque(maxlen=SAMPLES)
        self._echo = (0, 0, 0)

    def is_later(self, beat: pb.Beat) -> bool:
        """Whether a beat was sent after all that were heard; a new life of the agent begins with any."""
        return beat.number > self.number if beat.life == self.life else beat.life not in self._ended

    def take(self, beat: pb.Beat, now_ms: int, wall_us: int) -> None:
        """One more beat."""
        if beat.life != self.life:
            self._ended.append(self.life)
            self.life = beat.life
        interval_ms = now_ms - self.heard_ms
        self._mean_ms = self._mean_ms or float(interval_ms)
        away = interval_ms - self._mean_ms
        self._mean_ms += _WEIGHT * away
        self._variance = (1 - _WEIGHT) * (self._variance + _WEIGHT * away * away)
        self.heard_ms, self.number = now_ms, beat.number
        self.progress = Progress(beat.pipeline_ms, beat.waiting_ms, beat.unshipped_ms)
        self._echo = (beat.number, beat.sent_us, wall_us)
        if beat.echo:
            there_us, back_us = beat.echo_heard_us - beat.echo_sent_us, wall_us - beat.sent_us
            if there_us + back_us >= 0:  # Else a clock was set meanwhile.
                self._samples.append(_Sample(there_us + back_us, (there_us - back_us) / 2))

    def answer(self, beat: pb.Beat) -> pb.Beat:
        """A beat of ours with the echo of the last that was heard."""
        beat.echo, beat.echo_sent_us, beat.echo_heard_us = self._echo
        return beat

    def seen(self, now_ms: int) -> Neighbour:
        """What is known of it."""
        best = min(self._samples, default=None)
        return Neighbour(
            node=self.node,
            heard_ms=now_ms - self.heard_ms,
            progress=self.progress,
            interval_ms=self._mean_ms,
            jitter_ms=math.sqrt(self._variance),
            offset_ms=None if best is None else best.offset_us / 1000,
            round_trip_ms=None if best is None else best.round_trip_us / 1000,
        )


class Beats:
    """All neighbours of one node."""

    def __init__(self, site: str, node: int, log: bytes, life: int) -> None:
        self._site = site
        self._node = node
        self._log = log
        self._life = life
        self._number = 0
        self._peers: dict[int, Peer] = {}
        self.progress = Progress()
        """Of this node, as the next beats are to say it."""
        self.refused: Counter[str] = Counter()
        """Beats that were not taken, per reason."""

    def own(self, peer: Peer | None, wall_us: int) -> pb.Beat:
        """The next beat of this agent, for a neighbour."""
        self._number += 1
        beat = pb.Beat(
            version=LINK_VERSION,
            site=self._site,
            node=self._node.to_bytes(3, "big"),
            log=self._log,
            life=self._life,
            number=self._number,
            sent_us=wall_us,
            pipeline_ms=min(self.progress.pipeline_ms, _AGE_MS_MAX),
            waiting_ms=min(self.progress.waiting_ms, _AGE_MS_MAX),
            unshipped_ms=min(self.progress.unshipped_ms, _AGE_MS_MAX),
        )
        return beat if peer is None else peer.answer(beat)

    def meet(self, beat: pb.Beat, now_ms: int) -> Peer:
        """The neighbour that a connection begins with; Rejected when there can be none."""
        try:
            return self._meet(beat, now_ms)
        except Rejected as error:
            self.refused[f"beat-{error.reason}"] += 1
            raise

    def _meet(self, beat: pb.Beat, now_ms: int) -> Peer:
        if beat.version != LINK_VERSION:
            raise Rejected("version", f"beats of version {beat.version}, {LINK_VERSION} is spoken here")
        if beat.site != self._site:
            raise Rejected("site", f"this node belongs to site {self._site!r}, not {beat.site[:70]!r}")
        if len(beat.node) != 3 or len(beat.log) != 8:
            raise Rejected("malformed", f"a node of {len(beat.node)} bytes and a log of {len(beat.log)}, not 3 and 8")
        node = int.from_bytes(beat.node, "big")
        if node == self._node:
            raise Rejected("node-conflict", f"node {node:06x} is this node's own id: give one of them another")
        peer = self._peers.get(node)
        if peer is not None and peer.log != beat.log and now_ms - peer.heard_ms < LIVE_MS:
            raise Rejected(
                "node-conflict",
                f"node {node:06x} beats here with log {peer.log.hex()} already: give one of the two another id",
            )
        if peer is None and len(self._peers) >= PEERS_MAX:
            self._make_room(now_ms)
        if peer is None or peer.log != beat.log:
            peer = self._peers[node] = Peer(beat, now_ms)
        return peer

    def _make_room(self, now_ms: int) -> None:
        """Leave out who has been silent longest; Rejected when all of them are there."""
        longest = min(self._peers.values(), key=lambda peer: peer.heard_ms)
        if now_ms - longest.heard_ms < LIVE_MS:
            raise Rejected("too-many", f"{PEERS_MAX} neighbours beat here already")
        del self._peers[longest.node]

    def take(self, peer: Peer, beat: pb.Beat, now_ms: int, wall_us: int) -> bool:
        """Take a beat in; False when it is none of this neighbour, or no later one than was heard."""
        if (int.from_bytes(beat.node, "big"), beat.log) != (peer.node, peer.log) or self._peers.get(peer.node) != peer:
            self.refused["beat-foreign"] += 1
            return False
        if not peer.is_later(beat):
            self.refused["beat-replayed"] += 1
            return False
        peer.take(beat, now_ms, wall_us)
        return True

    def neighbours(self, now_ms: int) -> tuple[Neighbour, ...]:
        """Everyone who was ever heard in this life."""
        return tuple(peer.seen(now_ms) for peer in self._peers.values())
