"""Where nodes stand on the page: in flow order, families together, and always in the same place. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

LANE_GAP = 0.55
"""How far apart the lanes of a crowded layer are, in layers."""

Place = tuple[float, float]
"""Along the flow and across it, both from 0 to 1."""


def layout(nodes: int, ends: Sequence[tuple[int, int]], lane: int) -> list[Place]:
    """A place for each of so many nodes; `ends` are the links, as positions of source and target, -1 for outside.

    A layer of more than `lane` nodes stands in several lanes. Nodes that send in a circle stand where the first of them
    would without the last link.
    """
    successor = _successors(nodes, ends)
    sources: Mapping[int, list[int]] = defaultdict(list)
    for node, target in enumerate(successor):
        if target is not None:
            sources[target].append(node)
    across: dict[int, float] = {}
    layers: Mapping[int, list[int]] = defaultdict(list)
    leaves = 0
    for root in (node for node, target in enumerate(successor) if target is None):
        for node, depth in _upstream(root, sources):
            if node not in sources:
                across[node] = float(leaves)
                leaves += 1
            else:
                above = [across[source] for source in sources[node]]
                across[node] = (above[0] + above[-1]) / 2
            layers[depth].append(node)
    along: dict[int, float] = {}
    x = 0.0
    for depth in sorted(layers, reverse=True):  # The sensors' side first.
        ordered = sorted(layers[depth], key=lambda node: across[node])
        lanes = -(-len(ordered) // lane)
        along |= {node: x + LANE_GAP * (rank % lanes) for rank, node in enumerate(ordered)}
        x += 1 + LANE_GAP * (lanes - 1)
    return [(round(along[n] / max(x - 1, 1.0), 4), round((across[n] + 0.5) / leaves, 4)) for n in range(nodes)]


def _successors(nodes: int, ends: Sequence[tuple[int, int]]) -> list[int | None]:
    """The node that each sends to, the first of several; None also where that would close a circle."""
    successor: list[int | None] = [None] * nodes
    for source, target in ends:
        if target < 0 or successor[source] is not None:
            continue
        reached: int | None = target
        while reached is not None and reached != source:
            reached = successor[reached]
        if reached is None:
            successor[source] = target
    return successor


def _upstream(root: int, sources: Mapping[int, list[int]]) -> list[tuple[int, int]]:
    """All nodes that send to one, itself the last, each after its own sources, and how many hops they are away."""
    found: list[tuple[int, int]] = []
    waiting = [(root, 0)]
    while waiting:
        node, depth = waiting.pop()
        found.append((node, depth))
        waiting += [(source, depth + 1) for source in sources.get(node, ())]
    return found[::-1]
