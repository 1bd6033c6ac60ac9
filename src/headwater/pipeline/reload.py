"""Reading the configuration again while the daemon runs: what may change does, between two records."""

import asyncio
import logging
from collections.abc import Callable
from typing import NamedTuple, Protocol

from headwater.log.disk import RealDisk
from headwater.log.retention import Retention, RetentionOptions
from headwater.log.sent import SentLimit
from headwater.log.writer import NodeLog
from headwater.model.errors import ConfigError, Unavailable
from headwater.pipeline.collector import Collector
from headwater.pipeline.committer import Committer
from headwater.pipeline.core import Core
from headwater.pipeline.housekeeping import Housekeeping
from headwater.pipeline.next_hop import NextHop
from headwater.pipeline.options import GatewayOptions
from headwater.pipeline.steps.begin import overtaken, wake
from headwater.pipeline.steps.build import check
from headwater.pipeline.steps.chain import Chain

Read = Callable[[], GatewayOptions]

LIMITS = ("storagetime_s", "log_bytes_max", "when_full", "sync_interval_ms_min", "deduplicate_window")
NEXT_HOP = ("next", "next_protocol")
CHANGEABLE = (*LIMITS, *NEXT_HOP, "location", "application", "metrics", "steps")
DERIVED = ("successor", "new_log")
"""What is no key of its own, or matters only at a start."""
WAIT_S = 0.1
TROUBLE = "configuration"
"""What the status calls a change that was not made."""

_logger = logging.getLogger(__name__)


class Parts(Protocol):
    """What of a daemon goes by the configuration."""

    disk: RealDisk
    log: NodeLog
    core: Core
    committer: Committer
    collector: Collector
    chain: Chain
    retention: Retention
    housekeeping: Housekeeping
    next_hop: NextHop


class Change(NamedTuple):
    """What differs between two configurations, by key."""

    changing: tuple[str, ...]
    needs_restart: tuple[str, ...]


def compare(old: GatewayOptions, new: GatewayOptions) -> Change:
    """What would change, and what of it cannot while the daemon runs."""
    keys = [key for key in old.__struct_fields__ if key not in DERIVED and getattr(old, key) != getattr(new, key)]
    fixed = [key for key in keys if key not in CHANGEABLE]
    if "next" in keys and None in (old.next, new.next):
        fixed.append("next")  # An endpoint has what gateways have not: the origins it heard, and no way on.
    called = ["id" if key == "node" else key for key in fixed]
    return Change(tuple(keys), tuple(called))


class Reload:
    """Applies configurations to a daemon, one at a time; a later one takes the place of one that waits."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._wanted: Read | None = None
        self._asked = asyncio.Event()

    def ask(self, read: Read) -> None:
        """Have the configuration read again; signal handlers may call it."""
        self._wanted = read
        self._asked.set()

    async def run(self) -> None:
        """Do what is asked until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            assert self._wanted is not None
            doing = asyncio.create_task(self._apply(self._wanted))
            again = asyncio.create_task(self._asked.wait())
            try:
                await asyncio.wait({doing, again}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                doing.cancel()
                again.cancel()
                ends = await asyncio.gather(doing, again, return_exceptions=True)
            if isinstance(ends[0], Exception):
                raise ends[0]

    async def _apply(self, read: Read) -> None:
        parts = self._parts
        try:
            new = await asyncio.get_running_loop().run_in_executor(None, read)
            change = compare(parts.core.options, new)
            if "steps" in change.changing:
                check(new.steps)
        except ConfigError as error:
            self._tell(f"the configuration was not taken over, nothing is changed: {error}", failed=True)
            return
        if change.needs_restart:
            keys = ", ".join(change.needs_restart)
            self._tell(f"{keys}: needs restart; nothing is changed until then", failed=True)
        elif change.changing:
            try:
                await self._when_ready(new, change)
            except (OSError, Unavailable) as error:
                self._tell(f"the configuration was not taken over, nothing is changed: {error}", failed=True)
        else:
            self._tell("the configuration was read again: it says what holds already")

    def _tell(self, what: str, failed: bool = False) -> None:
        self._trouble(what if failed else "")
        (_logger.error if failed else _logger.info)("%s", what)

    def _trouble(self, what: str) -> None:
        """What the status shows of the configuration, nothing when all is well."""
        troubles = self._parts.core.troubles
        troubles.pop(TROUBLE, None)
        if what:
            troubles[TROUBLE] = what

    async def _when_ready(self, new: GatewayOptions, change: Change) -> None:
        """Wait until nothing is lost, doubled or overtaken by the change, and then make it."""
        parts = self._parts
        elsewhere = any(key in change.changing for key in NEXT_HOP)
        parts.next_hop.hold(elsewhere)
        told = False
        try:
            while True:
                late = overtaken(parts.core, parts.chain, new.steps)
                parts.housekeeping.held = late
                if not late and (not elsewhere or parts.next_hop.resolved):
                    break
                if not told:
                    self._say_waiting(late)
                    told = True
                await parts.committer.changed(WAIT_S)
            self._make(new, elsewhere)
        finally:
            parts.housekeeping.held = False
            parts.next_hop.hold(False)
        self._tell(f"changed: {', '.join(change.changing)}")

    def _say_waiting(self, late: bool) -> None:
        if late:
            _logger.info("the change waits until the steps have treated what was logged before")
            return
        options = self._parts.core.options
        waiting = (
            f"the change of next waits until {options.next} has said what it has of what was sent to it; a restart "
            "does not wait, and sends that again"
        )
        self._trouble(waiting)
        _logger.warning("%s", waiting)

    def _make(self, new: GatewayOptions, elsewhere: bool) -> None:
        """Between two records: everything at once, and a record that says so. What the disk may refuse comes first."""
        parts = self._parts
        core = parts.core
        wake(parts.disk, parts.chain, new.steps)
        if new.when_full != core.options.when_full:
            parts.housekeeping.limit = SentLimit(parts.disk, parts.log, new.when_full == "drop_oldest")
        behind = parts.next_hop.passed
        core.adopt(new)
        core.configure(new.successor, behind if elsewhere else None)
        if elsewhere:
            parts.next_hop.change()
            parts.housekeeping.sending = parts.next_hop.outflow
        parts.log.set_budget(new.segment_bytes, new.log_bytes_max)
        parts.retention.options = retention_options(new)
        parts.committer.interval_s = new.sync_interval_ms_min / 1000
        parts.collector.remember(new.deduplicate_window)


def retention_options(options: GatewayOptions) -> RetentionOptions:
    """How the log is kept within its budget."""
    return RetentionOptions(options.storagetime_s * 1000, options.log_bytes_max, options.when_full == "drop_oldest")
