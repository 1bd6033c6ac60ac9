"""Ids that may be given out at once: reserved by a synced manifest before the first of them is."""

from headwater.log.writer import NodeLog

IDS = 1 << 20
"""As many as a second of 16 million ids bears to lose at every renewal."""
AGE_MS_MAX = 10_000
"""A lease is renewed by then, while there is something to log: so ids stay near the clock."""


class Lease:
    """A stretch of ids. None is ever given again, whatever happens to the process and its clock.

    Renewing takes a commit between `prepare` and `settle`: only a synced manifest makes ids safe to give out.
    """

    def __init__(self, log: NodeLog) -> None:
        self._log = log
        self.next = self._end = 0
        """The first ordinal that is not given out."""
        self._taken_ms = 0
        self._coming: tuple[int, int] | None = None
        """The (start, end) of the stretch that the next commit reserves."""

    @property
    def left(self) -> int:
        """How many more there are."""
        return self._end - self.next

    def take(self, count: int) -> int:
        """The first of so many ids; the caller has looked at `left`."""
        start = self.next
        self.next += count
        return start

    def prepare(self, now_ms: int) -> None:
        """Before a commit: choose what it is to reserve, if the lease is half used up or old."""
        aged = not 0 <= now_ms - self._taken_ms <= AGE_MS_MAX
        if self._coming is None and (aged or self.left < IDS // 2):
            run = self._log.allocate(IDS)
            self._coming = run.start, run.end
            self._taken_ms = now_ms

    def settle(self) -> None:
        """After a commit: what it reserved may be given out."""
        if self._coming is not None:
            (self.next, self._end), self._coming = self._coming, None
