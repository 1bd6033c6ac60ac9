"""Where each card of a lineage stands: a column for each hop, and no two cards in one place. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

LOW = 0.5


class Spot(NamedTuple):
    """A place."""

    column: int
    """From 0 on, in the direction of the flow."""
    row: float
    """Of its middle, in heights of a full card; the upper edge of all is at 0."""


def arrange(
    keys: Sequence[str], lines: Iterable[tuple[str, str]], root: str, low: Collection[str] = ()
) -> dict[str, Spot]:
    """The places of cards that `root` is reached from, or that are reached from it, by lines (source, target); those
    that are `low` take half a row.

    Each card stands in the middle of those that it alone leads on to. The order of keys decides which stand higher.
    """
    inputs: dict[str, list[str]] = {key: [] for key in keys}
    outputs: dict[str, list[str]] = {key: [] for key in keys}
    place = {key: at for at, key in enumerate(keys)}
    for source, target in sorted(set(lines), key=lambda line: (place[line[0]], place[line[1]])):
        inputs[target].append(source)
        outputs[source].append(target)
    height = {key: LOW if key in low else 1.0 for key in keys}
    left, right = _side(root, inputs, place, height), _side(root, outputs, place, height)
    shift = left[root].row - right[root].row
    deepest = max(spot.column for spot in left.values())
    spots = {key: (deepest + spot.column, spot.row + shift) for key, spot in right.items()}
    spots |= {key: (deepest - spot.column, spot.row) for key, spot in left.items()}
    top = min(row - height[key] / 2 for key, (_, row) in spots.items())
    return {key: Spot(column, row - top) for key, (column, row) in spots.items()}


def _side(
    root: str, neighbours: Mapping[str, list[str]], place: Mapping[str, int], height: Mapping[str, float]
) -> dict[str, Spot]:
    """The places on one side, columns counted away from the root."""
    depth = _depths(root, neighbours)
    # The first card that leads to another one from the column before has it as its own.
    own: dict[str, list[str]] = {key: [] for key in depth}
    taken: set[str] = set()
    for key in sorted(depth, key=lambda key: (depth[key], place[key])):
        for other in neighbours[key]:
            if other in depth and other not in taken and depth[other] == depth[key] + 1:
                taken.add(other)
                own[key].append(other)
    rows: dict[str, float] = {}
    begun: dict[str, float] = {}
    edge = 0.0  # The lower edge of what is placed.
    waiting: list[tuple[str, bool]] = [(root, False)]
    while waiting:
        key, is_done = waiting.pop()
        if own[key] and not is_done:
            begun[key] = edge
            waiting.append((key, True))
            waiting += [(other, False) for other in reversed(own[key])]
            continue
        if own[key]:
            rows[key] = (rows[own[key][0]] + rows[own[key][-1]]) / 2
            # A card may be higher than all that it leads on to.
            rows[key] = max(rows[key], begun[key] + height[key] / 2)
        else:
            rows[key] = edge + height[key] / 2
        edge = max(edge, rows[key] + height[key] / 2)
    return {key: Spot(depth[key], rows[key]) for key in rows}


def _depths(root: str, neighbours: Mapping[str, list[str]]) -> dict[str, int]:
    """How far each card is away on the longest way; a line that closes a circle counts nothing."""
    order: list[str] = []
    state: dict[str, int] = {}
    onward: dict[str, list[str]] = {}
    stack = [root]
    while stack:
        key = stack[-1]
        if key not in state:
            state[key] = 1
            onward[key] = [other for other in neighbours[key] if state.get(other) != 1]
            stack += [other for other in onward[key] if other not in state]
            continue
        stack.pop()
        if state[key] == 1:
            state[key] = 2
            order.append(key)
    depth = dict.fromkeys(order, 0)
    for key in reversed(order):
        for other in onward[key]:
            depth[other] = max(depth[other], depth[key] + 1)
    return depth
