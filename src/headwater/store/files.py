"""Where an embedded store lies on disk: a folder per site with a catalogue, a file per period and a lock."""

import fcntl
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from headwater.model.errors import ConfigError, Unavailable

FORMAT_VERSION = 1
APPLICATION_ID = 0x48577374
SUFFIXES = ("", "-wal", "-shm")
"""Of the files of a database; what goes goes in this order, so that no reader opens one without its log."""
ADDITIONS = {"catalogue": "expired", "health": "forgotten"}
"""Schemas that came later: of what a store made before them lacks."""
_WAIT_S = 5.0
_SITE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


class StoreFiles(NamedTuple):
    """The paths of one site's store."""

    folder: Path

    @property
    def catalogue(self) -> Path:
        return self.folder / "catalogue.sqlite"

    @property
    def health(self) -> Path:
        return self.folder / "health.sqlite"

    @property
    def lock(self) -> Path:
        return self.folder / "lock"

    def period(self, number: int) -> Path:
        return self.folder / f"period-{number:08d}.sqlite"

    def periods(self) -> list[int]:
        """The numbers of the periods that any file is there of."""
        return sorted({int(path.name[7:15]) for path in self.folder.glob("period-*.sqlite*")})

    def period_bytes(self, number: int) -> int:
        """What a period takes on disk."""
        path = self.period(number)
        sizes = [os.stat(f"{path}{suffix}").st_size for suffix in SUFFIXES if os.path.exists(f"{path}{suffix}")]
        return sum(sizes)

    def unlink_period(self, number: int) -> None:
        path = self.period(number)
        for suffix in SUFFIXES:
            Path(f"{path}{suffix}").unlink(missing_ok=True)

    def disk_bytes(self) -> int:
        """What the store takes on disk; files that go meanwhile are not counted."""
        total = 0
        for entry in os.scandir(self.folder):
            try:
                total += entry.stat().st_size
            except FileNotFoundError:
                continue
        return total


def files_of(folder: Path, site: str) -> StoreFiles:
    """The store of a site below a folder; ConfigError when the site's name cannot be one."""
    if not _SITE.fullmatch(site):
        raise ConfigError(
            f"site {site[:70]!r} cannot be a folder: use up to 64 letters, digits, dots, dashes and underscores"
        )
    return StoreFiles(folder / site)


def make_folder(folder: Path) -> None:
    """Make a folder, and what is missing above it, to stay through a power loss."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def locked(path: Path) -> int:
    """A descriptor that holds the lock of a store; Unavailable when another process, or writer, holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise Unavailable(
            f"the store in {path.parent} already has a writer (process {holder}): stop it first"
        ) from error
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


def open_to_write(path: Path, schema: str) -> sqlite3.Connection:
    """The database of a path, made with the named schema when it is not there yet; every commit is synced."""
    connection = _connect(path, "rwc")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    if _is_blank(connection):
        connection.executescript(
            f"BEGIN;{_schema(schema)};PRAGMA application_id = {APPLICATION_ID};"
            f"PRAGMA user_version = {FORMAT_VERSION};COMMIT;"
        )
    _check_format(connection, path)
    if schema in ADDITIONS:
        connection.executescript(f"BEGIN;{_schema(ADDITIONS[schema])};COMMIT;")
    return connection


def _schema(name: str) -> str:
    return files("headwater.store.schema").joinpath(f"{name}.sql").read_text("utf-8")


def open_to_read(path: Path) -> sqlite3.Connection:
    """The database of a path, read only; Unavailable while it is not there or not finished."""
    try:
        connection = _connect(path, "ro")
        if _is_blank(connection):
            connection.close()
            raise Unavailable(f"the store at {path} is not there yet", 1.0)
    except sqlite3.OperationalError as error:
        raise Unavailable(f"the store at {path} cannot be opened: {error}", 1.0) from error
    _check_format(connection, path)
    return connection


def data_version(connection: sqlite3.Connection) -> int:
    """Differs from what the same connection answered before when another one has committed since."""
    (version,) = connection.execute("PRAGMA data_version").fetchone()
    return int(version)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}",
        uri=True,
        timeout=_WAIT_S,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=64,
    )


def _is_blank(connection: sqlite3.Connection) -> bool:
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    return bool(tables == 0)


def _check_format(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application == APPLICATION_ID and version == FORMAT_VERSION:
        return
    connection.close()
    if application != APPLICATION_ID:
        raise ConfigError(f"{path} is not a Headwater store: name another folder")
    raise ConfigError(
        f"{path} has store format {version}, this program reads format {FORMAT_VERSION}: use the release that wrote it"
    )


@contextmanager
def storage_errors(folder: Path) -> Iterator[None]:
    """Turn what SQLite or the disk says into Unavailable."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise Unavailable(f"the store in {folder} does not work: {error}") from error
