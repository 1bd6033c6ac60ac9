"""The way from a lineage question to its encoded answer: store, agents, structure."""

from collections.abc import Callable
from dataclasses import dataclass

from headwater.api.gather import PLAIN, Facts, Graph, facts_of, graph_of
from headwater.api.service import Service
from headwater.api.structure import Structure
from headwater.model.ids import DataPointId
from headwater.store.port import Reader


@dataclass(frozen=True, slots=True)
class Question:
    """Lineages of some data points, and what to show of them."""

    ids: list[DataPointId]
    forward: bool
    detail: bool
    values: bool


Draw = Callable[[Graph, Structure], bytes]
"""Makes the answer of a graph; raises what the API answers instead."""


async def ask(service: Service, question: Question, draw: Draw) -> bytes:
    """The answer, drawn in a lane; Rejected("too-large") beyond the limits."""

    def look(reader: Reader) -> tuple[Graph, Facts]:
        graph = graph_of(reader, question.ids, question.forward, service.options.points_max)
        if not (question.detail or question.values):
            return graph, PLAIN
        return graph, facts_of(reader, graph, question.ids, question.detail)

    def drawn(graph: Graph, facts: Facts) -> bytes:
        return draw(graph, Structure(graph, question.forward, facts, service.limits()))

    if not question.values:
        return await service.lanes.ask(lambda reader: drawn(*look(reader)))
    graph, facts = await service.lanes.ask(look)
    valued = await service.valued(facts, graph)
    return await service.lanes.ask(lambda _: drawn(graph, valued))
