"""Opens the store that options name; what a kind of store needs is imported only then."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from headwater.model.errors import ConfigError
from headwater.store.options import SqliteOptions, StoreOptions

if TYPE_CHECKING:
    from headwater.store.cassandra.reader import CassandraReader
    from headwater.store.cassandra.writer import CassandraWriter
    from headwater.store.reader import SqliteReader
    from headwater.store.sqlite import SqliteWriter


def open_writer(
    options: StoreOptions, folder: Path, site: str, now: Callable[[], int]
) -> "SqliteWriter | CassandraWriter":
    """The one writer of a site; what it keeps itself lies below the folder. `now` gives ms since the epoch.

    ConfigError for a site, option, folder or keyspace that cannot be used, Unavailable when the store has a writer.
    While Cassandra is away its writer waits for it.
    """
    if isinstance(options, SqliteOptions):
        return options.open_writer(folder, site, now)
    _need_driver()
    from headwater.store.cassandra.writer import CassandraWriter

    return CassandraWriter(options, folder, site, now)


def open_reader(options: StoreOptions, folder: Path, site: str) -> "SqliteReader | CassandraReader":
    """A reader of a site; Unavailable while no writer has made its store, or the store is away."""
    if isinstance(options, SqliteOptions):
        return options.open_reader(folder, site)
    _need_driver()
    from headwater.store.cassandra.reader import CassandraReader

    return CassandraReader(options, folder, site)


def _need_driver() -> None:
    if importlib.util.find_spec("cassandra") is None:
        raise ConfigError('store: kind = "cassandra" needs the driver: pip install "headwater[cassandra]"')
