"""What an answer is made of: a lineage graph from the store, and what else is shown of its data points."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from headwater.api.readings import UNREACHABLE, AgentReadings, Found
from headwater.model.ids import DataPointId
from headwater.store.port import DataPoint, Edge, History, Node, Reader, Standing

Graph = Mapping[DataPointId, tuple[DataPoint, Sequence[Edge]]]
"""Each data point with its edges in the direction that was asked for."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is shown of data points beyond the store's own row."""

    detail: bool = False
    nodes: dict[int, Node] = field(default_factory=dict)
    missing: dict[DataPointId, str] = field(default_factory=dict)
    """Why data points that lineage names are not in the store."""
    histories: Mapping[int, History] = field(default_factory=dict)
    """How nodes stood, by node."""
    values: dict[DataPointId, Found] | None = None
    """None when values were not asked for."""


PLAIN = Facts()
"""What 2018 showed."""


def graph_of(reader: Reader, ids: list[DataPointId], forward: bool, most: int) -> Graph:
    """The lineage of many ids; Rejected("too-large") beyond `most` data points."""
    if forward:
        return reader.forward(ids, most)
    return {id: (point, point.inputs) for id, point in reader.backward(ids, most).items()}


def facts_of(reader: Reader, graph: Graph, ids: Iterable[DataPointId], detail: bool) -> Facts:
    """What is shown of the graph of some ids, all but the values."""
    absent = [*_absent(graph), *(id for id in ids if id not in graph)] if detail else []
    missing = reader.missing(absent) if absent else {}
    return Facts(detail, nodes_of(reader), missing, histories_of(reader, detail, graph))


def histories_of(reader: Reader, detail: bool, ids: Iterable[DataPointId]) -> Mapping[int, History]:
    """How the nodes of some data points stood, when detail is asked for."""
    return reader.histories({id.node for id in ids}) if detail else {}


def judged(reader: Reader) -> tuple[list[Node], Standing | None]:
    """The nodes that are not gone on purpose, by id, and how they stand."""
    nodes, standing = reader.nodes(), reader.standing()
    gone: frozenset[int] = frozenset() if standing is None else standing.forgotten
    return [node for node in nodes if node.id not in gone], standing


def nodes_of(reader: Reader) -> dict[int, Node]:
    return {node.id: node for node in reader.nodes()}


async def with_values(facts: Facts, ids: Iterable[DataPointId], agents: AgentReadings) -> Facts:
    """The facts with what the nodes answer for these ids, all nodes asked at once."""
    by_node: dict[int, list[DataPointId]] = {}
    for id in ids:
        by_node.setdefault(id.node, []).append(id)
    answers = await asyncio.gather(
        *(_values(facts.nodes.get(node), wanted, agents) for node, wanted in by_node.items())
    )
    return replace(facts, values={id: found for answer in answers for id, found in answer.items()})


async def _values(node: Node | None, ids: list[DataPointId], agents: AgentReadings) -> dict[DataPointId, Found]:
    if node is None:
        return dict.fromkeys(ids, (UNREACHABLE, None))
    return await agents.read(node, ids)


def _absent(graph: Graph) -> set[DataPointId]:
    return {
        edge.point for point, edges in graph.values() if not point.outside for edge in edges if edge.point not in graph
    }
