"""What the resources share: the store's lanes, the agents, the clock and the options."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headwater.api.gather import Facts, with_values
from headwater.api.lanes import Lanes
from headwater.api.options import ApiOptions
from headwater.api.readings import AgentReadings
from headwater.api.structure import Limits
from headwater.model.ids import DataPointId
from headwater.store.query.queries import Queries

if TYPE_CHECKING:
    from headwater.store.cql.asking import Cql


@dataclass(frozen=True, slots=True)
class Service:
    """Everything that a resource needs to answer."""

    lanes: Lanes
    agents: AgentReadings
    now_ms: Callable[[], int]
    version: str
    options: ApiOptions
    queries: Queries
    cql: "Cql | None" = None
    """Asks the tables of a store on Cassandra."""

    def limits(self) -> Limits:
        return Limits(self.options.points_max, self.options.depth_max)

    async def valued(self, facts: Facts, ids: Iterable[DataPointId]) -> Facts:
        """The facts, with the values that the agents give."""
        return await with_values(facts, ids, self.agents)
