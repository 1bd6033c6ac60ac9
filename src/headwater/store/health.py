"""How the nodes stand and stood: kept in a file of the embedded store's folder, beside the stamps."""

import sqlite3
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from headwater.model.health import Change, Health, Part, Subject, Verdict
from headwater.store.files import StoreFiles, files_of, make_folder, open_to_read, open_to_write, storage_errors
from headwater.store.port import Standing

CHANGES_MAX = 100_000
"""Older changes go."""
_ABOVE_ALL = (1 << 63) - 1

_encode = msgspec.msgpack.Encoder().encode
_verdicts = msgspec.msgpack.Decoder(list[Verdict]).decode
_change = msgspec.msgpack.Decoder(Change).decode
_subjects = msgspec.msgpack.Decoder(list[Subject]).decode


class HealthWriter:
    """Keeps what the one judge of a site finds. A power loss may take the newest of it back."""

    def __init__(self, files: StoreFiles) -> None:
        """Unavailable when the folder cannot be used."""
        self._files = files
        with storage_errors(files.folder):
            make_folder(files.folder)
            self._connection = open_to_write(files.health, "health")
            self._connection.execute("PRAGMA synchronous = NORMAL")

    def next_number(self) -> int:
        """The number that the next change gets."""
        with storage_errors(self._files.folder):
            (number,) = self._connection.execute("SELECT coalesce(max(number), 0) + 1 FROM change").fetchone()
        return int(number)

    def verdicts(self) -> list[Verdict]:
        """How everything stood when it was kept last."""
        with storage_errors(self._files.folder):
            row = self._connection.execute("SELECT body FROM standing").fetchone()
            return [] if row is None else _verdicts(row[0])

    def forgotten(self) -> set[int]:
        """The nodes that are gone on purpose."""
        with storage_errors(self._files.folder):
            return {node for (node,) in self._connection.execute("SELECT node FROM forgotten")}

    def keep(self, standing: Standing, changes: Sequence[Change]) -> None:
        """Put a standing in place of the last, and add what has changed. Unavailable when nothing was kept."""
        rows = [(change.number, change.verdict.since_ms, *_place(change), _encode(change)) for change in changes]
        with storage_errors(self._files.folder):
            execute = self._connection.execute
            execute("BEGIN IMMEDIATE")
            try:
                execute("DELETE FROM standing")
                execute(
                    "INSERT INTO standing VALUES (?, ?, ?)", (standing.at_ms, standing.late, _encode(standing.verdicts))
                )
                execute("DELETE FROM forgotten")
                self._connection.executemany("INSERT INTO forgotten VALUES (?)", [(one,) for one in standing.forgotten])
                self._connection.executemany("INSERT OR REPLACE INTO change VALUES (?, ?, ?, ?, ?, ?)", rows)
                if rows:
                    execute("DELETE FROM change WHERE number <= ?", (rows[-1][0] - CHANGES_MAX,))
                execute("COMMIT")
            except BaseException:
                # A full disk may have ended it already.
                if self._connection.in_transaction:
                    execute("ROLLBACK")
                raise

    def close(self) -> None:
        self._connection.close()


class History:
    """The words that were in force for a node, its daemons and its outgoing link."""

    def __init__(self, changes: Iterable[tuple[Part, int, Health]]) -> None:
        """(part, since when in ms, word), in the order of the times."""
        self._times: dict[Part, list[int]] = {}
        self._words: dict[Part, list[Health]] = {}
        for part, at_ms, health in changes:
            self._times.setdefault(part, []).append(at_ms)
            self._words.setdefault(part, []).append(health)

    def at(self, time_ms: int) -> dict[Part, Health]:
        """The words at a time; without the parts that no judge had looked at by then."""
        found = {}
        for part, times in self._times.items():
            place = bisect_right(times, time_ms)
            if place:
                found[part] = self._words[part][place - 1]
        return found


class HealthReader:
    """Reads it, from when there is something."""

    def __init__(self, files: StoreFiles) -> None:
        self._files = files
        self._opened: sqlite3.Connection | None = None

    def standing(self) -> Standing | None:
        """How everything stood at the judge's last look; None before its first."""
        connection = self._connection()
        row = None if connection is None else connection.execute("SELECT at_ms, late, body FROM standing").fetchone()
        if connection is None or row is None:
            return None
        return Standing(row[0], row[1], _verdicts(row[2]), _forgotten(connection))

    def changes(self, size: int, before: int | None, node: int | None) -> list[Change]:
        """What has changed, newest first, with a lower number than `before`; all of it or what is about one node."""
        connection = self._connection()
        if connection is None:
            return []
        where = "AND (node = :node OR target = :node)" if node is not None else ""
        rows = connection.execute(
            f"SELECT body FROM change WHERE number < :before {where} ORDER BY number DESC LIMIT :size",
            {"before": _ABOVE_ALL if before is None else before, "node": node, "size": size},
        )
        return [_change(body) for (body,) in rows]

    def following(self, number: int, size: int) -> list[Change]:
        """The first changes behind a number, in their order."""
        connection = self._connection()
        if connection is None:
            return []
        return _following(connection, number, size)

    def histories(self, nodes: Iterable[int]) -> dict[int, History]:
        """The history of each of some nodes."""
        connection = self._connection()
        found = {}
        for node in nodes if connection is not None else ():
            assert connection is not None
            rows = connection.execute(
                "SELECT part, at_ms, body FROM change WHERE node = ? ORDER BY at_ms, number", (node,)
            )
            found[node] = History((Part(part), at_ms, _change(body).verdict.health) for part, at_ms, body in rows)
        return found

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()

    def _connection(self) -> sqlite3.Connection | None:
        if self._opened is None and self._files.health.exists():
            self._opened = open_to_read(self._files.health)
        return self._opened


class Delivery(NamedTuple):
    """How far alarms were posted."""

    number: int
    """Of the last change that was dealt with."""
    opened: tuple[Subject, ...]
    """Alarms that were raised and not cleared."""


class DeliveryKeeper:
    """The history of health, and how far it was posted, for the one who posts it."""

    def __init__(self, files: StoreFiles) -> None:
        self._files = files
        with storage_errors(files.folder):
            self._connection = open_to_write(files.health, "health")
            self._connection.execute("PRAGMA synchronous = NORMAL")

    def load(self) -> Delivery:
        """Where it stands; at the newest change when nothing was ever posted."""
        with storage_errors(self._files.folder):
            row = self._connection.execute("SELECT number, body FROM delivery").fetchone()
            if row is not None:
                return Delivery(row[0], tuple(_subjects(row[1])))
            (newest,) = self._connection.execute("SELECT coalesce(max(number), 0) FROM change").fetchone()
            return Delivery(newest, ())

    def following(self, number: int, size: int) -> list[Change]:
        """The first changes behind a number, in their order."""
        with storage_errors(self._files.folder):
            return _following(self._connection, number, size)

    def keep(self, delivery: Delivery) -> None:
        """Unavailable when it was not kept."""
        with storage_errors(self._files.folder), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("DELETE FROM delivery")
            self._connection.execute("INSERT INTO delivery VALUES (?, ?)", (delivery.number, _encode(delivery.opened)))

    def close(self) -> None:
        self._connection.close()


def _following(connection: sqlite3.Connection, number: int, size: int) -> list[Change]:
    rows = connection.execute("SELECT body FROM change WHERE number > ? ORDER BY number LIMIT ?", (number, size))
    return [_change(body) for (body,) in rows]


def _forgotten(connection: sqlite3.Connection) -> frozenset[int]:
    """None in a file that no writer has opened since nodes can be forgotten."""
    is_there = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'forgotten'").fetchone()
    return frozenset(node for (node,) in connection.execute("SELECT node FROM forgotten")) if is_there else frozenset()


def open_health(folder: Path, site: str) -> HealthWriter:
    """The health of a site, for its one judge."""
    return HealthWriter(files_of(folder, site))


def _place(change: Change) -> tuple[Part, int, int | None]:
    return change.verdict.subject.part, change.verdict.subject.node, change.verdict.subject.target
