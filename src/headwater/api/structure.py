"""A lineage graph as an answer: linear (breadth first, each data point once) or recursive (nested)."""

from collections.abc import Sequence

from msgspec import UNSET

from headwater.api import documents
from headwater.api.gather import Facts, Graph
from headwater.api.points import Painter
from headwater.model.errors import Rejected
from headwater.model.ids import DataPointId, format_node
from headwater.store.port import DataPoint, Edge

_CYCLE = "cycle"


class Limits:
    """How much one answer may hold; shared by all lineages in it. Beyond it: Rejected("too-large")."""

    def __init__(self, points_max: int, depth_max: int) -> None:
        self._points_max = self._points_left = self._edges_left = points_max
        self._depth_max = depth_max

    def take(self, points: int) -> None:
        """Count points that the answer shows."""
        self._points_left -= points
        self._refuse_if(self._points_left < 0)

    def name(self, neighbours: int) -> None:
        """Count neighbours that the answer names: as many as points, since lineages share what they name."""
        self._edges_left -= neighbours
        self._refuse_if(self._edges_left < 0)

    def grow(self, points: int) -> None:
        """Stop at a nested part that alone is too large, before it is worked out."""
        self._refuse_if(points > self._points_max)

    def nest(self, depth: int) -> None:
        """Stop at an answer that is nested deeper than JSON parsers like."""
        if depth > self._depth_max:
            raise Rejected(
                "too-large", f"the lineage is more than {self._depth_max} hops deep: ask for structure=linear"
            )

    def _refuse_if(self, full: bool) -> None:
        if full:
            raise Rejected(
                "too-large",
                f"the answer would hold more than {self._points_max} data points: ask for fewer ids, "
                "or for structure=linear, which shows each data point of a lineage once",
            )


class Structure:
    """Draws the lineages of one graph, in one direction."""

    def __init__(self, graph: Graph, forward: bool, facts: Facts, limits: Limits) -> None:
        self._graph = graph
        self._forward = forward
        self._detail = facts.detail
        self._limits = limits
        self._painter = Painter(facts)
        self._nested: dict[DataPointId, tuple[documents.Datapoint, int, int]] = {}

    def why_missing(self, id: DataPointId) -> str | None:
        """Why an id is not in the graph, as far as it was asked."""
        return self._painter.why_missing(id)

    def linear(self, first: DataPointId) -> list[documents.Datapoint]:
        """All points from the first one on, breadth first, each with the host of the point that led to it."""
        answer: list[documents.Datapoint] = []
        ours, strangers = {first}, set[DataPointId]()
        queue: list[tuple[DataPointId, str | None, bool]] = [(first, None, False)]
        for id, host, outside in queue:
            found = None if outside else self._graph.get(id)
            answer.append(self._linear_point(id, host, outside, found))
            if found is None:
                continue
            point, edges = found
            here, leads_out = format_node(id.node), self._outside(point)
            seen = strangers if leads_out else ours
            for edge in edges:
                if edge.point not in seen:
                    seen.add(edge.point)
                    queue.append((edge.point, here, leads_out))
        self._limits.take(len(answer))
        return answer

    def static(self, first: DataPointId) -> list[documents.Datapoint]:
        """All stored points from the first one on, breadth first, each with its inputs or outputs as ids."""
        answer: list[documents.Datapoint] = []
        seen = {first}
        queue = [first]
        for id in queue:
            found = self._graph.get(id)
            if found is None:
                continue
            point, edges = found
            answer.append(self._named(point, edges))
            if not self._outside(point):
                fresh = dict.fromkeys(edge.point for edge in edges if edge.point not in seen)
                queue += fresh
                seen.update(fresh)
        self._limits.take(len(answer))
        return answer

    def recursive(self, first: DataPointId) -> documents.Datapoint:
        """The first point with its inputs (or outputs) nested to the end."""
        document, size, depth = self._nest(first, 1, set())
        self._limits.nest(depth)
        self._limits.take(size)
        return document

    def _linear_point(
        self,
        id: DataPointId,
        host: str | None,
        outside: bool,
        found: tuple[DataPoint, Sequence[Edge]] | None,
    ) -> documents.Datapoint:
        if found is None:
            document = self._painter.stub(id, outside)
        else:
            document = self._named(*found) if self._detail else self._painter.document(found[0])
        if self._forward:
            document.predecessor = host or UNSET
        else:
            document.successor = host or UNSET
        return document

    def _named(self, point: DataPoint, edges: Sequence[Edge]) -> documents.Datapoint:
        """A point with its neighbours as ids."""
        self._limits.name(len(edges))
        document = self._painter.document(point)
        self._attach(document, self._painter.neighbours(edges, self._outside(point)))
        return document

    def _nest(self, id: DataPointId, level: int, path: set[DataPointId]) -> tuple[documents.Datapoint, int, int]:
        """A nested document, the points it shows and its depth; each id is worked out once and then shared."""
        done = self._nested.get(id)
        if done is not None:
            return done
        self._limits.nest(level)
        point, edges = self._graph[id]
        path.add(id)
        size, depth = 1, 1
        around: list[documents.Contribution] = []
        for edge in edges:
            near, near_size, near_depth = self._neighbour(edge.point, self._outside(point), level, path)
            around.append(documents.Contribution(near, edge.contribution))
            size, depth = size + near_size, max(depth, near_depth + 1)
            self._limits.grow(size)
        path.discard(id)
        document = self._painter.document(point)
        self._attach(document, around)
        self._nested[id] = document, size, depth
        return self._nested[id]

    def _neighbour(
        self, id: DataPointId, outside: bool, level: int, path: set[DataPointId]
    ) -> tuple[documents.Datapoint, int, int]:
        if not outside and id in path:
            return self._painter.stub(id, False, _CYCLE), 1, 1
        if outside or id not in self._graph:
            return self._painter.stub(id, outside), 1, 1
        return self._nest(id, level + 1, path)

    def _attach(self, document: documents.Datapoint, around: list[documents.Contribution]) -> None:
        if not around:
            return
        if self._forward:
            document.output_datapoints = around
        else:
            document.input_datapoints = around

    def _outside(self, point: DataPoint) -> bool:
        """Whether the edges of a point lead out: only inputs can have been named by a 2018 client."""
        return point.outside and not self._forward
