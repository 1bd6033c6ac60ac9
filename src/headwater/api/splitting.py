"""Takes the many inputs of a data point apart: by meter, then by page, then one by one. Pure."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from headwater.model.ids import DataPointId
from headwater.model.reading import SeriesKey
from headwater.store.port import DataPoint

PARTS_MAX = 40
"""As many parts as one look takes in; a page holds as many data points."""


class Place(NamedTuple):
    """Where a data point stands among others, by meter, metric, event time and id: those that are not stored, or of no
    known meter, come last."""

    unknown: bool
    meter: str
    metric: str
    timestamp: int
    id: DataPointId


def place_of(id: DataPointId, point: DataPoint | None, key: SeriesKey | None) -> Place:
    """The place of a data point whose series is shown as `key`; None when it is not stored or not known."""
    timestamp = (point.timestamp or 0) if point else 0
    return Place(key is None, key.meter if key else "", key.metric if key else "", timestamp, id)


def split(places: Sequence[Place], first: int, last: int, most: int = PARTS_MAX) -> list[tuple[int, int]]:
    """The places first <= at < last in at most `most` parts next to each other, none empty.

    Few are each a part; more go by meter and metric, or by several of these when they are very many; those of one
    meter and metric go by pages of at least `most`.
    """
    if last - first <= most:
        return [(at, at + 1) for at in range(first, last)]
    starts = [first]
    for _, alike in groupby(places[first:last], lambda place: place[:3]):
        starts.append(starts[-1] + sum(1 for _ in alike))
    series = len(starts) - 1
    if series > 1:
        bounds = starts[: -1 : -(-series // most)]
    else:
        page = max(most, -(-(last - first) // most))
        bounds = list(range(first, last, page))
    return list(zip(bounds, [*bounds[1:], last], strict=True))
