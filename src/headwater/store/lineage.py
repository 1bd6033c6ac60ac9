"""Lineage by stretches of batches: what data points were made from, and what was made of them."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from headwater.model.errors import Rejected
from headwater.model.ids import DataPointId
from headwater.model.stamp import contribution_of
from headwater.store.batches import Ids, Link, Part, StoredBatch, links, made_from, merged
from headwater.store.port import Edge

EDGES_PER_POINT_MAX = 10
"""The most direct outputs that a forward answer holds for each data point it may hold, on average."""


class Graph(Protocol):
    """Stored batches by id and by what they were made from."""

    def over(self, ids: Ids) -> list[StoredBatch]:
        """The batches that hold any of some ids, by their start."""
        ...

    def children(self, ids: Ids) -> Iterable[StoredBatch]:
        """The batches with a run of inputs that overlaps some ids."""
        ...


class Forward(NamedTuple):
    """What some ids went into."""

    parts: list[Part]
    outputs: dict[DataPointId, list[Edge]]
    """The direct outputs of each id that has some, whether it is stored or not."""


class _Walk:
    """The positions visited so far, and how many more may be."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.points = 0
        self.absent = 0
        self._seen: dict[tuple[int, int], bytearray] = {}

    def fresh(self, batch: StoredBatch, first: int, end: int) -> list[Part]:
        """The parts of a stretch that were not visited before; visits them."""
        key = (batch.node, batch.start)
        seen = self._seen.get(key)
        if seen is None:
            seen = self._seen[key] = bytearray(batch.count)
        parts = []
        while (first := seen.find(0, first, end)) >= 0:
            stop = seen.find(1, first, end)
            stop = end if stop < 0 else stop
            seen[first:stop] = b"\x01" * (stop - first)
            parts.append(Part(batch, first, stop))
            self._count(stop - first)
            first = stop
        return parts

    def missing(self, count: int) -> None:
        """Count ids that are not stored, so that naming very many cannot keep a walk busy."""
        self.absent += count
        if self.absent > self.most:
            raise self._too_large("ids that are not stored")

    def _count(self, count: int) -> None:
        self.points += count
        if self.points > self.most:
            raise self._too_large("data points")

    def _too_large(self, what: str) -> Rejected:
        return Rejected("too-large", f"lineage of more than {self.most} {what}: ask for fewer ids at once")


def id_ranges(ids: Iterable[DataPointId]) -> list[Ids]:
    """Ids as ranges, each id once."""
    result: list[Ids] = []
    node, first, end = -1, 0, 0
    for point in sorted(set(ids)):
        if point.ordinal == end and point.node == node:
            end += 1
            continue
        if node >= 0:
            result.append(Ids(node, first, end))
        node, first, end = point.node, point.ordinal, point.ordinal + 1
    if node >= 0:
        result.append(Ids(node, first, end))
    return result


def stored_parts(graph: Graph, ids: Ids) -> list[Part]:
    """The stored stretches of some ids."""
    return [
        Part(batch, max(ids.first - batch.start, 0), min(ids.end, batch.end) - batch.start) for batch in graph.over(ids)
    ]


def _visit(graph: Graph, walk: _Walk, ids: Ids) -> list[Part]:
    parts = stored_parts(graph, ids)
    missing = ids.end - ids.first - sum(part.end - part.first for part in parts)
    if missing:
        walk.missing(missing)
    return [new for part in parts for new in walk.fresh(*part)]


def backward(graph: Graph, ids: Iterable[DataPointId], most: int) -> list[Part]:
    """All stored data points that some ids were made from, themselves included: breadth first, each once.

    Rejected("too-large") when there are more than `most`, or more than `most` inputs that are not stored.
    """
    walk = _Walk(most)
    wanted = id_ranges(ids)
    found: list[Part] = []
    while wanted:
        level = [part for at in wanted for part in _visit(graph, walk, at)]
        found += level
        wanted = merged(parent for part in level for parent in made_from(part))
    return found


def forward(graph: Graph, ids: Iterable[DataPointId], most: int) -> Forward:
    """All stored data points that some ids went into, themselves included: breadth first, each once.

    Rejected("too-large") when there are more than `most`, or more than ten times as many edges.
    """
    walk = _Walk(most)
    wanted = id_ranges(ids)
    result = Forward([part for at in wanted for part in _visit(graph, walk, at)], {})
    edges = 0
    while wanted:
        level: list[Part] = []
        for at in wanted:
            for child in graph.children(at):
                for link in links(child, at):
                    edges += link.end - link.first
                    if edges > EDGES_PER_POINT_MAX * most:
                        raise Rejected("too-large", f"more than {EDGES_PER_POINT_MAX * most} edges")
                    _note(result.outputs, at.node, child, link)
                    last = link.output + (link.end - link.first if link.moving else 1)
                    level += walk.fresh(child, link.output, last)
        result.parts.extend(level)
        wanted = merged(Ids(batch.node, batch.start + first, batch.start + end) for batch, first, end in level)
    return result


def _note(outputs: dict[DataPointId, list[Edge]], node: int, child: StoredBatch, link: Link) -> None:
    contribution = contribution_of(child.stamp)
    made = child.start + link.output
    step = 1 if link.moving else 0
    for ordinal in range(link.first, link.end):
        edge = Edge(DataPointId(child.node, made), contribution)
        outputs.setdefault(DataPointId(node, ordinal), []).append(edge)
        made += step
