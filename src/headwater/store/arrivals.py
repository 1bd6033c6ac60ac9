"""Batches in the order in which the store took them: what is behind a place, for whoever follows along."""

from typing import NamedTuple

import numpy as np

from headwater.model.ids import IdRun
from headwater.model.reading import SeriesKey
from headwater.model.stamp import input_runs
from headwater.store.batches import StoredBatch
from headwater.store.columns import SERIES_BITS, UNKNOWN, Columns, Resolver
from headwater.store.periods import Periods
from headwater.store.points import Names
from headwater.store.port import Arrival, Arrivals, Landing

_NUMBER_MASK = (1 << SERIES_BITS) - 1


class _Known(NamedTuple):
    """A batch, and what is known of its data points."""

    place: Landing
    batch: StoredBatch
    columns: Columns


def newest_landing(periods: Periods) -> Landing:
    """The place of the last batch that the store took."""
    period = periods.latest()
    return Landing(0, -1) if period is None else Landing(period.number, period.last_bid())


def arrivals(periods: Periods, names: Names, place: Landing, most: int) -> Arrivals:
    """The first `most` batches behind a place."""
    found: list[StoredBatch] = []
    whole = place.bid < 0 or any(period.number == place.period for period in periods.since(place.period))
    for period in periods.since(place.period):
        bid = place.bid if period.number == place.period else -1
        found += period.behind(bid, most - len(found))
        if len(found) >= most:
            break
    return Arrivals(described(names, [(Landing(*batch.place), batch) for batch in found]), whole)


def described(names: Names, landed: list[tuple[Landing, StoredBatch]]) -> list[Arrival]:
    """What is known of batches, each with its place."""
    batches = [batch for _, batch in landed]
    resolver = Resolver(names.over)
    resolver.read(batches)
    known = [_Known(place, batch, resolver.columns(batch)) for place, batch in landed]
    contexts = names.contexts({batch.stamp.context for batch in batches})
    found = []
    for place, batch, columns in known:
        names.rest()
        context = contexts.get(batch.stamp.context)
        times = columns.timestamps[columns.series != UNKNOWN]
        found.append(
            Arrival(
                place,
                IdRun(batch.node, batch.start, batch.count),
                batch.shipped.kind,
                context.step if context else None,
                batch.stamp.received_ms,
                tuple(input_runs(batch.stamp)),
                _series(names, resolver, columns),
                (int(times.min()), int(times.max())) if len(times) else None,
            )
        )
    return found


def _series(names: Names, resolver: Resolver, columns: Columns) -> tuple[SeriesKey, ...]:
    """The series that occur and are known, each once."""
    wanted: dict[int, set[int]] = {}
    for code in np.unique(columns.series).tolist():
        if code != UNKNOWN:
            wanted.setdefault(code >> SERIES_BITS, set()).add(code & _NUMBER_MASK)
    found: list[SeriesKey] = []
    for entry, numbers in wanted.items():
        known = names.series(resolver.entries[entry], numbers)
        found += [known[number] for number in sorted(numbers) if number in known]
    return tuple(found)
