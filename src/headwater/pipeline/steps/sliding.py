"""Windows that overlap: each reading is kept once, in the pane of `slide_s` that it is in, for all its windows."""

from collections.abc import Iterator

from headwater.model.ids import IdRun
from headwater.pipeline.step_options import AggregateOptions
from headwater.pipeline.steps.aggregate import (
    FUNCTIONS,
    NEVER,
    Closed,
    Fold,
    Open,
    add_run,
    groups,
    pack_series,
    unpack_series,
)
from headwater.pipeline.steps.oldest import Begun, Oldest
from headwater.pipeline.steps.portion import Window
from headwater.wire.codec import Columns

Panes = dict[int, Open]


class Sliding:
    """As `Aggregate`, over windows that begin every `slide_s`.

    Windows of a series close in the order of their beginning, so `fold.closed` is the beginning of the first that may
    still take readings; `fold.open` holds panes. A reading is late when the last of its windows is closed; otherwise it
    counts in those that are not.
    """

    def __init__(self, options: AggregateOptions, fold: Fold | None = None) -> None:
        self.options = options
        self.fold = fold or Fold()
        self.window_ms = options.window_s * 1000
        self.slide_ms = (options.slide_s or options.window_s) * 1000
        self.lateness_ms = options.lateness_s * 1000
        self.compute = FUNCTIONS[options.function]
        self.panes_open = sum(map(len, self.fold.open.values()))
        self._held = {name: _readings(panes) for name, panes in self.fold.open.items()}
        """Series (packed) -> readings in its panes."""
        self._first = {name: min(panes) for name, panes in self.fold.open.items()}
        """Series (packed) -> its oldest pane."""
        panes = ((pane_ms, name) for name, held in self.fold.open.items() for pane_ms in held)
        self._oldest = Oldest(self._is_open, panes)

    def take(self, entry: bytes, columns: Columns, run: IdRun | None, skip: int = 0) -> tuple[list[Closed], list[int]]:
        """Fold in a batch without its first `skip` readings: the windows it closes, the positions that were late."""
        fold, values = self.fold, columns.values[skip:].tolist()
        late: list[int] = []
        touched: dict[bytes, None] = {}
        before: dict[bytes, int] = {}  # In one batch the newest reading may come first.
        for group in groups(columns.series[skip:], columns.timestamps[skip:], self.slide_ms):
            name = pack_series(entry, group.series)
            newest_ms = before.setdefault(name, fold.newest.get(name, NEVER))
            passed_ms = newest_ms - self.window_ms - self.lateness_ms
            if group.start_ms < fold.closed.get(name, NEVER) or group.start_ms <= passed_ms:
                late.extend(range(group.first + skip, group.end + skip))
                continue
            part = run.part(group.first + skip, group.end - group.first) if run is not None else None
            self._extend(name, group.start_ms, values[group.first : group.end], part)
            fold.newest[name] = max(fold.newest.get(name, NEVER), group.newest_ms)
            touched[name] = None
        closed = [result for name in sorted(touched) for result in self._close_due(name)]
        return closed + self._close_oldest(), late

    def _extend(self, name: bytes, pane_ms: int, found: list[float], run: IdRun | None) -> None:
        panes = self.fold.open.setdefault(name, {})
        held = panes.get(pane_ms)
        if held is None:
            held = panes[pane_ms] = Open([], [])
            self.panes_open += 1
            self._oldest.add((pane_ms, name), self.panes_open)
        self._held[name] = self._held.get(name, 0) + len(found)
        self._first[name] = min(self._first.get(name, pane_ms), pane_ms)
        held.values.extend(found)
        if run is not None:
            add_run(held.runs, run)

    def _close_due(self, name: bytes) -> list[Closed]:
        """Close the windows of a series that its watermark has passed, and those up to the last that is full."""
        last_ms = self.fold.newest[name] - self.window_ms - self.lateness_ms
        if self._held[name] >= self.options.inputs_max:
            full = (at for at in self._starts(name) if _readings(self._in_window(name, at)) >= self.options.inputs_max)
            last_ms = max(last_ms, *full, NEVER)
        return self._close(name, last_ms) if self._next(name, self._first[name]) <= last_ms else []

    def _next(self, name: bytes, pane_ms: int) -> int:
        """The beginning of the first window around a pane that is not closed; no window begins before all time."""
        earliest = pane_ms - self.window_ms + self.slide_ms
        following = max(self.fold.closed.get(name, NEVER), earliest if earliest >= NEVER else pane_ms)
        return following + (pane_ms - following) % self.slide_ms

    def _starts(self, name: bytes) -> Iterator[int]:
        """The beginnings of the windows that have readings and are not closed, rising."""
        last_ms = NEVER - 1
        for pane_ms in sorted(self.fold.open.get(name, {})):
            for start_ms in range(self._next(name, pane_ms), pane_ms + 1, self.slide_ms):
                if start_ms > last_ms:
                    yield start_ms
                    last_ms = start_ms

    def _in_window(self, name: bytes, start_ms: int) -> Panes:
        panes = self.fold.open.get(name, {})
        end_ms = start_ms + self.window_ms
        if len(panes) * self.slide_ms < self.window_ms:
            return {at: panes[at] for at in sorted(panes) if start_ms <= at < end_ms}
        return {at: panes[at] for at in range(start_ms, end_ms, self.slide_ms) if at in panes}

    def _close(self, name: bytes, last_ms: int) -> list[Closed]:
        """Close the windows of a series that begin up to a time."""
        results = []
        series = unpack_series(name)
        for start_ms in list(self._starts(name)):
            if start_ms > last_ms:
                break
            panes = self._in_window(name, start_ms).values()
            values = [value for pane in panes for value in pane.values]
            runs: list[IdRun] = []
            for run in (run for pane in panes for run in pane.runs):
                add_run(runs, run)
            results.append(Closed((*series, start_ms), self.compute(values), tuple(runs)))
            self.mark_closed((*series, start_ms))
        return results

    def _close_oldest(self) -> list[Closed]:
        """Close windows so that no more panes than the bound are held: those that hold the oldest panes."""
        excess = self.panes_open - self.options.windows_max
        return [result for pane_ms, name in self._oldest.take(excess) for result in self._close(name, pane_ms)]

    def _is_open(self, pane: Begun) -> bool:
        pane_ms, name = pane
        return pane_ms in self.fold.open.get(name, ())

    def close_all(self) -> list[Closed]:
        """Close every window that has readings."""
        return [result for name in sorted(self.fold.open) for result in self._close(name, 1 << 63)]

    def mark_closed(self, window: Window) -> None:
        """The window is done, and with it those before: here, or as an output record says (rule 16)."""
        name = pack_series(window[0], window[1])
        following = max(self.fold.closed.get(name, NEVER), window[2] + self.slide_ms)
        self.fold.closed[name] = following
        panes = self.fold.open.get(name)
        if panes is None:
            return
        gone = [pane_ms for pane_ms in panes if pane_ms < following]
        self._held[name] -= _readings({pane_ms: panes.pop(pane_ms) for pane_ms in gone})
        self.panes_open -= len(gone)
        if not panes:
            del self.fold.open[name], self._held[name], self._first[name]
        elif gone:
            self._first[name] = min(panes)


def _readings(panes: Panes) -> int:
    return sum(len(pane.values) for pane in panes.values())
