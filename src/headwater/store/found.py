"""The data points of what a search has found: their series and event times are known already."""

from itertools import pairwise

import numpy as np

from headwater.store.answers import Points, Stretch
from headwater.store.batches import Part
from headwater.store.points import Names, sent_times
from headwater.store.search import Hits


def found_points(names: Names, hits: Hits) -> Points:
    """The data points of hits, in their order."""
    by_batch = np.lexsort((hits.positions, hits.which))
    order = np.empty(len(by_batch), np.int64)
    order[by_batch] = np.arange(len(by_batch))
    ends = np.bincount(hits.which, minlength=len(hits.batches)).cumsum().tolist()
    columns = [column.take(by_batch).tolist() for column in (hits.positions, hits.series, hits.timestamps)]
    of_each = [[column[first:end] for column in columns] for first, end in pairwise([0, *ends])]
    numbers: dict[bytes, set[int]] = {}
    for batch, (_, series, _) in zip(hits.batches, of_each, strict=True):
        numbers.setdefault(batch.shipped.entry, set()).update(series)
    keys = {entry: names.series(entry, wanted) for entry, wanted in numbers.items()}
    contexts = names.contexts({batch.stamp.context for batch in hits.batches})
    parts = [Part(batch, at[0][0], at[0][-1] + 1) for batch, at in zip(hits.batches, of_each, strict=True)]
    sent = sent_times(names, parts)
    stretches = []
    for (batch, first, end), (positions, series, timestamps), times in zip(parts, of_each, sent, strict=True):
        if len(positions) < end - first:
            times = [times[position - first] for position in positions]
        context = contexts.get(batch.stamp.context)
        known = keys[batch.shipped.entry]
        stretches.append(Stretch(batch, positions, series, timestamps, None, context, known, times))
    return Points(stretches, order.tolist())
