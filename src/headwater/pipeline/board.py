"""What the daemon shows of itself: how long its links are silent, and what waits; one look in each of its rounds."""

from collections import deque
from typing import NamedTuple

from headwater.model.patience import PatientClock, Stillness
from headwater.model.records import Why
from headwater.model.report import Board, LinkEnd
from headwater.pipeline.connection import Connection
from headwater.pipeline.core import Core
from headwater.pipeline.forward2018 import Outflow2018
from headwater.pipeline.receiver import Inflow
from headwater.pipeline.sender import Outflow

PAUSE_MS_MAX = 1000
UPSTREAMS_MAX = 1000
MARKS_MAX = 1024


class _Upstream:
    """A node that sends here, or did."""

    def __init__(self, connection: Connection, now_ms: int) -> None:
        self.silence = Stillness((connection, connection.messages), now_ms)


class _Mark(NamedTuple):
    """How many readings the log had at a time."""

    total: int
    at_ms: int


class Unsent:
    """How old the oldest reading is that is not acknowledged, as exactly as the looks are close together."""

    def __init__(self) -> None:
        self._marks: deque[_Mark] = deque()

    def look(self, sent: int, done: int, now_ms: int) -> int:
        """Its age in ms, 0 when there is none, given cumulative readings: logged, and delivered or dropped."""
        marks = self._marks
        if not marks or sent > marks[-1].total:
            marks.append(_Mark(sent, now_ms))
        while marks and marks[0].total <= done:
            marks.popleft()
        if len(marks) > MARKS_MAX:
            # Every other one: old readings have rougher ages.
            self._marks = deque([*list(marks)[:-1:2], marks[-1]])
        return now_ms - marks[0].at_ms if marks else 0


class BoardMaker:
    """Makes the board; ages are those of a patient clock, so that a pause of this daemon blames nobody."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._clock = PatientClock(PAUSE_MS_MAX)
        self._durable = Stillness((core.log.durable, False), 0)
        self._upstreams: dict[int, _Upstream] = {}
        self._unsent = Unsent()
        self._withheld_since_ms: int | None = None
        self._outflow: Outflow | Outflow2018 | None = None

    def look(self, outflow: Outflow | Outflow2018 | None, monotonic_ms: int) -> Board:
        """The board now."""
        core, now_ms = self._core, self._clock.look(monotonic_ms)
        is_waiting = core.log.state.sequence > core.log.durable
        still_ms = self._durable.look((core.log.durable, is_waiting), now_ms)
        if core.room():
            self._withheld_since_ms = None
        elif self._withheld_since_ms is None:
            self._withheld_since_ms = now_ms
        return Board(
            waiting_ms=still_ms if is_waiting else 0,
            withheld_ms=0 if self._withheld_since_ms is None else max(1, now_ms - self._withheld_since_ms),
            links=(*self._outgoing(outflow, now_ms), *self._incoming(now_ms)),
        )

    def _outgoing(self, outflow: Outflow | Outflow2018 | None, now_ms: int) -> list[LinkEnd]:
        if outflow is None:
            return []
        if outflow is not self._outflow:
            self._outflow = outflow
            self._heard = Stillness(outflow.heard, now_ms)
            self._passing = Stillness((outflow.acknowledged, outflow.under_way), now_ms)
        core = self._core
        silent_ms = self._heard.look(outflow.heard, now_ms)
        passing_ms = self._passing.look((outflow.acknowledged, outflow.under_way), now_ms)
        # A hop of 2018 speaks when it is asked, and may take a minute for it: what counts is whether it can be reached.
        is_quiet = isinstance(outflow, Outflow2018) and not outflow.problem
        config = core.log.state.config
        node, dropped = outflow.next_node, core.log.state.lost.get(Why.DROPPED, 0)
        return [
            LinkEnd(
                outgoing=True,
                node=node if node is not None or config is None else config.successor,
                address=core.options.next or "",
                heard_ms=0 if is_quiet else silent_ms,
                stuck_ms=passing_ms if outflow.under_way else 0,
                sequence=outflow.acknowledged,
                sent=core.log.state.outgoing,
                delivered=outflow.sent_readings,
                oldest_ms=self._unsent.look(core.log.state.outgoing, outflow.sent_readings + dropped, now_ms),
                problem=outflow.problem,
            )
        ]

    def _incoming(self, now_ms: int) -> list[LinkEnd]:
        core, ends = self._core, []
        for connection in list(core.connections.values()):
            if isinstance(connection, Inflow) and connection.node not in self._upstreams:
                self._upstreams[connection.node] = _Upstream(connection, now_ms)
        gone = [node for node in self._upstreams if core.nodes.get(node, b"") not in core.connections]
        for node in [*gone, *self._upstreams][: max(0, len(self._upstreams) - UPSTREAMS_MAX)]:
            self._upstreams.pop(node, None)
        for node, upstream in self._upstreams.items():
            log = core.nodes.get(node, b"")
            connection = core.connections.get(log)
            if isinstance(connection, Inflow):
                silent_ms = upstream.silence.look((connection, connection.messages), now_ms)
            else:
                silent_ms = upstream.silence.unchanged(now_ms)
            position = core.log.durable_positions.get(log, 0)
            ends.append(LinkEnd(outgoing=False, node=node, heard_ms=silent_ms, sequence=position))
        return ends
