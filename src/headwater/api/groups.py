"""Many data points told together: where they are, of which meters, from when to when."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec import UNSET, UnsetType

from headwater.api import documents
from headwater.api.folding import received_times
from headwater.model.context import Context
from headwater.model.ids import DataPointId, format_node
from headwater.model.reading import SeriesKey
from headwater.model.records import Kind
from headwater.store.port import DataPoint, Node

NAMED_MAX = 50
"""The most nodes, and series, that are told one by one."""
UNKNOWN = "unknown"


def series_of(point: DataPoint) -> SeriesKey | None:
    """The meter and metric of a data point as far as its node records them: what it does not record is empty."""
    return _recorded(point.context, point.key)


def _recorded(context: Context | None, key: SeriesKey | None) -> SeriesKey | None:
    if key is None or context is None:
        return key
    meter, metric = context.has("meterid"), context.has("metricid")
    return SeriesKey(key.meter if meter else "", key.metric if metric else "") if meter or metric else None


def series_counts(points: Iterable[DataPoint]) -> Counter[SeriesKey]:
    """How many data points are of each series, as far as their nodes record it."""
    counts: Counter[SeriesKey] = Counter()
    contexts: dict[int, Context | None] = {}
    apart: Counter[tuple[int, SeriesKey | None]] = Counter()  # Few, whose contexts alone are looked into.
    for point in points:
        context = point.context
        contexts[id(context)] = context
        apart[id(context), point.key] += 1
    for (context_id, key), count in apart.items():
        recorded = _recorded(contexts[context_id], key)
        if recorded is not None:
            counts[recorded] += count
    return counts


def group_of(
    ids: Collection[DataPointId],
    points: Sequence[DataPoint],
    nodes: Mapping[int, Node],
    missing: Mapping[DataPointId, str],
    *,
    outside: bool = False,
) -> documents.Group:
    """What there is to say of some data points together, of which `points` are stored and the others are `missing`, or
    were never ours."""
    where = Counter(id.node for id in ids)
    keys = series_counts(points)
    blind = {
        id(context)
        for context in {id(p.context): p.context for p in points}.values()
        if context and not context.has("ctime")
    }
    kinds, steps = {point.kind for point in points}, {point.step for point in points}
    lost: Counter[str] = Counter()
    if len(points) < len(ids) and not outside:
        lost.update(missing.get(id, UNKNOWN) for id in set(ids).difference(point.id for point in points))
    return documents.Group(
        nodes=[_node(node, count, nodes) for node, count in where.most_common(NAMED_MAX)],
        series=[documents.SeriesCount(*key, count) for key, count in keys.most_common(NAMED_MAX)],
        series_count=len(keys),
        timestamps=_span(point.timestamp for point in points if id(point.context) not in blind),
        received=_span(received_times(points).values()),
        kind=("out" if kinds == {Kind.OUT} else "data") if len(kinds) == 1 else UNSET,
        step=(steps.pop() or UNSET) if len(steps) == 1 else UNSET,
        missing=dict(lost),
        outside=outside or UNSET,
    )


def _node(node: int, count: int, nodes: Mapping[int, Node]) -> documents.NodeCount:
    known = nodes.get(node)
    return documents.NodeCount(format_node(node), count, known.name if known and known.name else UNSET)


def _span(numbers: Iterable[int | None]) -> documents.Span | UnsetType:
    known = [number for number in numbers if number is not None]
    return documents.Span(min(known), max(known)) if known else UNSET
