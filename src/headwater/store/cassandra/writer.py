"""The store on Cassandra: the one writer of a site.

A transaction is many rows and then one: whatever it stores is written side by side, and counts once the head of the
site, written last, has its number. After a failure in between, what is shipped again is stored again under a later
number; rows are the same, so nothing is there twice.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from cassandra import Unauthorized

from headwater.model.errors import ConfigError, Rejected, Unavailable
from headwater.model.report import NodeReport
from headwater.model.shipment import Shipment
from headwater.store.admission import Admission, unknown_reporter
from headwater.store.cassandra import statements as cql
from headwater.store.cassandra.catalogue import Catalogue
from headwater.store.cassandra.connection import Connection, Write, release, share
from headwater.store.cassandra.keyspace import made, not_permitted
from headwater.store.cassandra.lease import Lease
from headwater.store.cassandra.memory import Memory
from headwater.store.cassandra.options import CassandraOptions
from headwater.store.cassandra.transaction import Transaction
from headwater.store.files import StoreFiles, files_of, make_folder, storage_errors
from headwater.store.planning import Changes, Planner
from headwater.store.port import Expired, Group

REPORTS_AT_ONCE = 100
CLOCK_WAIT_S = 5.0
MOMENT_S = 0.1
_encode = msgspec.msgpack.Encoder().encode
_logger = logging.getLogger(__name__)


class CassandraWriter:
    """A site in a keyspace, open for writing; for one thread at a time."""

    def __init__(self, options: CassandraOptions, folder: Path, site: str, now: Callable[[], int]) -> None:
        """`now` gives ms since the epoch. ConfigError when Cassandra is there and cannot be used like this; while it is
        away, every call says Unavailable."""
        self._options = options
        self._files = files_of(folder, site)
        self._site = site
        self._now = now
        self._admission = Admission(site, now, self._node_of)
        self._connection: Connection | None = None
        self._lease: Lease | None = None
        self._memory: Memory | None = None
        self._last: Memory | None = None
        """What was remembered before the last failure."""
        self._owed: dict[tuple[int, bytes], list[Write]] = {}
        """What nodes with their logs have said of themselves while Cassandra was away."""
        with storage_errors(self._files.folder):
            make_folder(self._files.folder)
        try:
            self._open()
        except Unavailable as error:
            _logger.warning("%s; stamps wait at the nodes until it does", error)
        except BaseException:
            self.close()
            raise
        finally:
            self._go_on()

    @property
    def files(self) -> StoreFiles:
        """Where lies what is not in Cassandra: how the nodes stand."""
        return self._files

    def hello(self, site: str, node: int, log: bytes, name: str, address: str, now_ms: int) -> int:
        writes: list[Write] = [
            (cql.SET_LOG, (self._site, log, node)),
            (cql.SET_NODE, (self._site, node, name, address, log)),
        ]
        try:
            with self._storage() as memory:
                try:
                    self._admission.check(site, node, log, name, address, now_ms)
                except Rejected as refusal:
                    self._apply(memory, self._admission.refusal(refusal, node, log))
                    raise
                self._write_known(memory, writes)
                memory.logs[log], memory.latest[node] = node, log
                self._admission.admit(node, log, now_ms)
                return memory.position(log)
        except Unavailable:
            position = self._position_from_before(node, log)
            if position is None:
                raise
            self._admission.check(site, node, log, name, address, now_ms)
            self._admission.admit(node, log, now_ms)
            self._owed[node, log] = writes
            return position

    def bye(self, log: bytes) -> None:
        self._admission.bye(log)

    def add(self, log: bytes, groups: list[tuple[int, Shipment]]) -> None:
        for refusal in self.add_all([Group(log, last, shipment) for last, shipment in groups]):
            if refusal is not None:
                raise refusal

    def add_all(self, groups: list[Group]) -> list[Rejected | None]:
        with self._storage() as memory:
            now_ms = self._now()
            memory.know_ends({self._node_of(group.log) for group in groups})
            planner = Planner(memory, memory.stored, memory.ends, memory.position)
            outcomes, positions = self._admission.judge(planner, groups, now_ms)
            Transaction(memory, planner.changes, planner.batches, positions).run(lambda: self._check_turn(memory))
            self._check_sure()
            return outcomes

    def report(self, report: NodeReport, now_ms: int) -> None:
        (refusal,) = self.report_all([report], now_ms)
        if refusal is not None:
            raise refusal

    def report_all(self, reports: list[NodeReport], now_ms: int) -> list[Rejected | None]:
        with self._storage() as memory:
            known = {report.node: report for report in reports if report.node in memory.latest}
            writes: list[Write] = [
                (cql.SET_REPORT, (self._site, node, _encode(report), now_ms)) for node, report in known.items()
            ]
            for at in range(0, len(writes), REPORTS_AT_ONCE):
                self._write_known(memory, writes[at : at + REPORTS_AT_ONCE])
            outcomes: list[Rejected | None] = []
            for report in reports:
                refusal = None if report.node in known else unknown_reporter(report.node)
                if refusal is None:
                    self._admission.seen(report.node, now_ms)
                else:
                    self._apply(memory, self._admission.refusal(refusal, 0, b""))
                outcomes.append(refusal)
            return outcomes

    def expire(self, now_ms: int) -> list[Expired]:
        """Nothing: what is old goes by its time to live."""
        return []

    def close(self) -> None:
        if self._lease is not None:
            self._lease.give_up()
        self._memory, self._lease = None, None
        if self._connection is not None:
            release(self._connection)
            self._connection = None

    def _node_of(self, log: bytes) -> int | None:
        memory = self._memory or self._last
        return None if memory is None else memory.logs.get(log)

    def _position_from_before(self, node: int, log: bytes) -> int | None:
        """How far a log of a known node was stored at least, while Cassandra is away: its agent can stay and be heard
        until then. None when that is not known."""
        if self._last is None or self._last.latest.get(node) != log:
            return None
        return self._last.position(log)

    def _apply(self, memory: Memory, changes: Changes) -> None:
        Transaction(memory, changes, [], {}).run()

    def _write_known(self, memory: Memory, writes: list[Write]) -> None:
        """Write rows that share the site's partition key, and that something has changed."""
        memory.head = memory.head._replace(changes=memory.head.changes + 1)
        memory.catalogue.connection.write_at_once([*writes, (cql.SET_CHANGES, (self._site, memory.head.changes))])

    def _check_turn(self, memory: Memory) -> None:
        """Unavailable when another process has written the site since it was read."""
        if self._lease is not None and not self._lease.keep() and memory.catalogue.head() != memory.head:
            raise Unavailable(f"site {self._site} was written by another process meanwhile", 0.0)

    def _check_sure(self) -> None:
        """Unavailable when another process may have the site by now: then what was just written may not hold."""
        if self._lease is not None and not self._lease.is_sure():
            raise Unavailable(f"writing to site {self._site} took longer than its lease is sure; it is read again", 0.0)

    def _open(self) -> Memory:
        connection = self._connection = self._connection or share(self._options)
        layout = made(connection)
        moment_us = connection.clock.hold()
        try:
            if self._lease is None:
                self._lease = Lease(connection, self._site)
            else:
                self._lease.keep()
        except Unavailable as error:
            if isinstance(error.__cause__, Unauthorized):
                raise not_permitted(self._options, error.__cause__) from error
            raise
        self._check_clock(connection, moment_us)
        memory = Memory(Catalogue(connection, self._site, layout))
        memory.hold()
        if self._owed:
            self._write_known(memory, [write for owed in self._owed.values() for write in owed])
            self._owed = {}
        self._memory = self._last = memory
        return memory

    def _check_clock(self, connection: Connection, moment_us: int) -> None:
        """Unavailable until our clock has passed the last write of the head: before that, ours would not hold."""
        row = connection.row(cql.HEAD_WRITTEN, self._site)
        behind_s = -1.0 if row is None or row[0] is None else (row[0] - moment_us) / 1e6
        if 0 <= behind_s < MOMENT_S:
            time.sleep(behind_s + 0.001)  # Written while we came.
            connection.clock.hold()
        elif behind_s >= MOMENT_S:
            raise Unavailable(
                f"the clock of this machine is {behind_s:.1f} s behind the last write to site {self._site}, which would"
                " win over ours: waiting until it has caught up; let NTP or chrony set all clocks",
                min(behind_s, CLOCK_WAIT_S),
            )

    @contextmanager
    def _storage(self) -> Iterator[Memory]:
        """What happens inside either counts or does not; after a failure all is read afresh.

        It is written with the time at which the site was found to be ours: were this process to sleep meanwhile, and
        another one to take over, what comes late would change nothing of the other's.
        """
        try:
            if self._connection is not None:
                self._connection.clock.hold()
            if self._memory is not None and self._lease is not None and not self._lease.keep():
                self._memory = None
            yield self._memory or self._reopened()
        except Rejected:
            raise
        except BaseException:
            self._memory = None
            raise
        finally:
            self._go_on()

    def _go_on(self) -> None:
        """What is written from here on happens when it is written."""
        if self._connection is not None:
            self._connection.clock.go()

    def _reopened(self) -> Memory:
        try:
            return self._open()
        except ConfigError as error:
            _logger.error("%s", error)
            raise Unavailable(f"the store cannot be used: {error}") from error
