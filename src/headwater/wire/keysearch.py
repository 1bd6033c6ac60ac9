"""Readings of some series, looked for in the keys of many payloads at once."""

from typing import NamedTuple

import numpy as np

from headwater.wire import codec
from headwater.wire.columns import Integers, sums_of_many
from headwater.wire.keyparts import SHAPES_MAX, Keys, Places, Shape, Times


class Found(NamedTuple):
    """The keys of some readings of many payloads, as columns of one length, in any order."""

    which: Integers
    """Of the payloads."""
    positions: Integers
    series: Integers
    timestamps: Integers

    def some(self, which: Integers) -> "Found":
        """Those at some places."""
        return Found(*(column.take(which) for column in self))


NOTHING = Found(*[np.empty(0, np.int64)] * 4)


class SeriesSought:
    """Some series, at least one; None for all."""

    def __init__(self, series: Integers | None) -> None:
        self._series = series
        self._places: dict[Shape, Places] = {}

    def find(self, payloads: list[bytes]) -> Found:
        """The readings of these series in what `codec.keys` cut out of payloads; raises `Rejected` ("payload") when one
        is malformed, and may do so only where it is looked into."""
        by_shape: dict[Shape, list[tuple[int, Times]]] = {}
        found = []
        for number, keys in enumerate(payloads):
            if self._series is None:
                found.append(_among(number, *codec.decode_keys(keys)))
                continue
            opened = Keys(keys)
            if opened.columns is None:
                by_shape.setdefault(opened.shape, []).append((number, opened.times))
            else:
                few = _among(number, *opened.columns)
                found.append(few.some(np.isin(few.series, self._series).nonzero()[0]))
        found += [self._alike(shape, some) for shape, some in by_shape.items()]
        return Found(*map(np.concatenate, zip(NOTHING, *found, strict=True)))

    def _alike(self, shape: Shape, payloads: list[tuple[int, Times]]) -> Found:
        """Those in payloads of one shape."""
        positions, series, patterns, places = self._places_in(shape)
        if not len(positions):
            return NOTHING
        timestamps = sums_of_many([times.later for _, times in payloads], patterns)
        timestamps += sums_of_many([times.within for _, times in payloads], places - patterns)
        timestamps += np.array([times.first for _, times in payloads])[:, np.newaxis]
        return Found(
            np.array([number for number, _ in payloads]).repeat(len(positions)),
            np.tile(positions, len(payloads)),
            np.tile(series, len(payloads)),
            timestamps.reshape(-1),
        )

    def _places_in(self, shape: Shape) -> Places:
        assert self._series is not None
        found = self._places.get(shape)
        if found is None:
            if len(self._places) >= SHAPES_MAX:
                self._places.clear()
            found = self._places[shape] = shape.places(shape.positions_of(self._series))
        return found


def _among(number: int, series: Integers, timestamps: Integers) -> Found:
    """All readings of a payload."""
    return Found(np.full(len(series), number), np.arange(len(series)), series, timestamps)
