"""Asking the API how one node stands, and keeping what is drawn over time while anybody looks."""

import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence

from headwater.client import results
from headwater.model.errors import Rejected
from headwater.ui.live import Look
from headwater.ui.node import state
from headwater.ui.node.history import Changed, Part, Strip, changed, strips
from headwater.ui.node.state import Known, NodeState, Sample
from headwater.ui.recent import Looks

SAMPLE_EVERY_MS = 1_000
SAMPLES_MAX = 600
EVENTS_MAX = 1_000


def node_look(looks: Looks, text: str, wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> Look:
    """How the node of an id or a name is asked for."""
    return _Looking(looks, text, wall_ms).look


class _Looking:
    """One node, looked at again and again."""

    def __init__(self, looks: Looks, text: str, wall_ms: Callable[[], int]) -> None:
        self._looks = looks
        self._text = text
        self._wall_ms = wall_ms
        self._samples: deque[Sample] = deque(maxlen=SAMPLES_MAX)
        self._stood: object = None
        self._id = ""
        self._strips: tuple[Strip, ...] = ()
        self._changes: tuple[Changed, ...] = ()

    async def look(self) -> NodeState:
        """The node as it stands now; HeadwaterError when the API does not answer."""
        health, stats, nodes = await self._looks.health(), await self._looks.stats(), await self._looks.topology()
        names = {each.id: each.name or each.id for each in health.nodes}
        node = state.found(health.nodes, self._text)
        if node is None:
            return await self._absent(health, names)
        configured = next((each for each in nodes if each.id == node.id), None)
        parts = state.parts_of(health, node.id)
        flow = state.flow_of(next((stat for stat in stats if stat.id == node.id), None))
        now_ms = self._wall_ms()
        self._sample(Sample(now_ms, flow.receive_rate, flow.send_rate))
        await self._remember(node.id, parts)
        return NodeState(
            known="known",
            id=node.id,
            name=node.name or node.id,
            verdicts=state.verdicts_of(parts, names),
            links=state.links_of(health, node.id, names),
            clocks=state.clocks_of(health, node.id, names),
            flow=flow,
            settings=state.settings_of(configured, names),
            strips=self._strips,
            changes=self._changes,
            samples=tuple(self._samples),
            alarms=state.alarms_of(health, node.id, names),
        )

    async def _absent(self, health: results.ClusterHealth, names: dict[str, str]) -> NodeState:
        """A node that is not in the grid: taken out of it, if there ever was one."""
        await self._remember(self._text, [])
        known: Known = "gone" if self._id else "unknown"
        id = self._id or self._text
        alarms = state.alarms_of(health, id, names)
        return NodeState(known=known, id=id, name=self._text, changes=self._changes, alarms=alarms)

    async def _remember(self, node: str, parts: Sequence[tuple[Part, results.Judged]]) -> None:
        """Ask what has changed, when it stands otherwise than before; nothing has of a node that nobody knows."""
        stands = [(part, verdict.health, verdict.since, verdict.cause, verdict.alarm) for part, verdict in parts]
        if stands == self._stood:
            return
        now_ms, events = self._wall_ms(), list[results.HealthEvent]()
        with contextlib.suppress(Rejected):
            async for event in self._looks.client.health_events(node, page_size=EVENTS_MAX):
                events.append(event)
                if len(events) == EVENTS_MAX:
                    break
        self._id = next((event.subject.node for event in events if event.subject.node), "")
        self._strips, self._changes, self._stood = strips(events, parts, now_ms), changed(events), stands

    def _sample(self, sample: Sample) -> None:
        if not self._samples or sample.at - self._samples[-1].at >= SAMPLE_EVERY_MS:
            self._samples.append(sample)
