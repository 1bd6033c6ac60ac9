"""Which store a site has: the options of each kind, and how it is opened."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from headwater.model.errors import ConfigError
from headwater.store.cassandra.options import CassandraOptions
from headwater.store.cassandra2018.options import Cassandra2018Options
from headwater.store.files import files_of
from headwater.store.reader import SqliteReader
from headwater.store.retention import Keep
from headwater.store.sqlite import Limits, SqliteWriter

MS_PER_DAY = 86_400_000


class SqliteOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="sqlite"):
    """The embedded store: a folder per site, in it a file per period of arrival and a catalogue."""

    period_days: int = 1
    """A new period begins with every so many days (UTC) ..."""
    period_bytes_max: int = 1 << 30
    """... or when the file of the last has this size."""
    keep_days: int | None = None
    """Stamps that arrived longer ago are deleted, a whole period at a time; absent: never."""
    bytes_max: int | None = None
    """The oldest periods are deleted when the store takes more on disk; absent: never."""

    @property
    def keeps_all(self) -> bool:
        """Whether nothing is ever deleted."""
        return self.keep_days is None and self.bytes_max is None

    def open_writer(self, folder: Path, site: str, now: Callable[[], int]) -> SqliteWriter:
        """The one writer of a site's store below a folder, made when it is not there; `now` gives ms since the epoch.

        ConfigError for a site, limit or folder that cannot be used, Unavailable when the store has a writer.
        """
        return SqliteWriter(files_of(folder, site), site, self._limits(), now)

    def open_reader(self, folder: Path, site: str) -> SqliteReader:
        """A reader of a site's store below a folder; Unavailable while no writer has made it."""
        return SqliteReader(files_of(folder, site))

    def _limits(self) -> Limits:
        if self.period_days < 1 or self.period_bytes_max < 1:
            raise ConfigError("store: period_days and period_bytes_max must be at least 1")
        if self.keep_days is not None and self.keep_days < 1:
            raise ConfigError("store: keep_days must be at least 1; leave it out to keep everything")
        if self.bytes_max is not None and self.bytes_max < 2 * self.period_bytes_max:
            raise ConfigError(
                f"store: bytes_max = {self.bytes_max} must be at least twice period_bytes_max = "
                f"{self.period_bytes_max}, for only whole periods are deleted: lower that"
            )
        keep = Keep(None if self.keep_days is None else self.keep_days * MS_PER_DAY, self.bytes_max)
        return Limits(self.period_days * MS_PER_DAY, self.period_bytes_max, keep)


StoreOptions = SqliteOptions | CassandraOptions | Cassandra2018Options
"""Where stamps are kept."""
