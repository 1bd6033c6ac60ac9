"""Opens the store that options name; what a kind of store needs is imported only then."""

import importlib.util
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from headwater.model.errors import ConfigError
from headwater.store.cassandra2018.options import Cassandra2018Options
from headwater.store.options import SqliteOptions, StoreOptions
from headwater.store.port import Reader

if TYPE_CHECKING:
    from headwater.store.cassandra.writer import CassandraWriter
    from headwater.store.sqlite import SqliteWriter


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def open_writer(
    options: StoreOptions, folder: Path, site: str, now: Callable[[], int]
) -> "SqliteWriter | CassandraWriter":
    """The one writer of a site; what it keeps itself lies below the folder. `now` gives ms since the epoch.

    ConfigError for a site, option, folder or keyspace that cannot be used, Unavailable when the store has a writer.
    While Cassandra is away its writer waits for it.
    """
    if isinstance(options, SqliteOptions):
        return options.open_writer(folder, site, now)
    if isinstance(options, Cassandra2018Options):
        raise ConfigError('store: kind = "cassandra-2018" is only read: stamps need another store')
    _need_driver()
    from headwater.store.cassandra.writer import CassandraWriter

    return CassandraWriter(options, folder, site, now)


def open_reader(options: StoreOptions, folder: Path, site: str, now: Callable[[], int] = _wall_ms) -> Reader:
    """A reader of a site; Unavailable while no writer has made its store, or the store is away."""
    if isinstance(options, SqliteOptions):
        return options.open_reader(folder, site)
    _need_driver()
    if isinstance(options, Cassandra2018Options):
        from headwater.store.cassandra2018.reader import Cassandra2018Reader

        return Cassandra2018Reader(options, now)
    from headwater.store.cassandra.reader import CassandraReader

    return CassandraReader(options, folder, site)


def _need_driver() -> None:
    if importlib.util.find_spec("cassandra") is None:
        raise ConfigError('store: kind = "cassandra" needs the driver: pip install "headwater[cassandra]"')
