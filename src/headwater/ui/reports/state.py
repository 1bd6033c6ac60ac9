"""What the page of reports follows live: drills, the nodes that faults can be put into, and how many alarms."""

import asyncio
from typing import Any

import msgspec

from headwater.client import AsyncClient, results
from headwater.client.calls import Call, reading
from headwater.model.errors import NotFound
from headwater.ui.live import Look, Shown
from headwater.ui.recent import Looks

RUNS = Call("/v1/chaos/runs", reading(list[dict[str, Any]]))


class ReportsState(msgspec.Struct, frozen=True):
    """Everything that the page follows."""

    enabled: bool
    """Whether the topology allows faults."""
    runs: list[dict[str, Any]]
    """Newest first, as the API has them."""
    nodes: list[tuple[str, bool]]
    """Names, and whether there is a next hop."""
    alarms: list[str]
    """The parts that they are about."""

    def whole(self) -> dict[str, object]:
        """See `Shown`."""
        return {field: getattr(self, field) for field in self.__struct_fields__}

    def change(self, before: Shown) -> dict[str, object]:
        """See `Shown`: the fields that are not as they were."""
        return {field: value for field, value in self.whole().items() if getattr(before, field) != value}


def reports_state(runs: list[dict[str, Any]] | None, health: results.ClusterHealth) -> ReportsState:
    """The state by what the API says; no runs at all where there cannot be any."""
    sending = {link.source for link in health.links}
    nodes = sorted((node.name or node.id, node.id in sending) for node in health.nodes)
    return ReportsState(runs is not None, runs or [], nodes, [str(alarm.subject.part) for alarm in health.alarms])


def reports_look(looks: Looks) -> Look:
    """How it is asked for."""

    async def look() -> ReportsState:
        return reports_state(*await asyncio.gather(_runs(looks.client), looks.health()))

    return look


async def _runs(client: AsyncClient) -> list[dict[str, Any]] | None:
    try:
        return await client.ask(RUNS)
    except NotFound:
        return None
