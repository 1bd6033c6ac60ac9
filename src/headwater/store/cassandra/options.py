"""The options of a store on Cassandra, and how it is opened; imports no driver before that."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from headwater.model.errors import ConfigError

if TYPE_CHECKING:
    from headwater.store.cassandra.reader import CassandraReader
    from headwater.store.cassandra.writer import CassandraWriter

Consistency = Literal["ONE", "TWO", "THREE", "QUORUM", "LOCAL_ONE", "LOCAL_QUORUM", "EACH_QUORUM", "ALL"]


class CassandraOptions(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="cassandra"
):
    """A keyspace of a Cassandra cluster, for as many sites as there are."""

    hosts: Annotated[tuple[str, ...], Meta(min_length=1)] = ("127.0.0.1:9042",)
    """host:port of nodes of the cluster to begin with; the others are found."""
    keyspace: Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,47}$")] = "headwater"
    """Made when it is not there."""
    replication: dict[str, Annotated[int, Meta(ge=1, le=100)]] = {}
    """Of a keyspace that is made: copies by datacenter; absent: one copy, for a single machine."""
    datacenter: str | None = None
    """The one that is asked; absent: that of the hosts."""
    consistency: Consistency = "LOCAL_QUORUM"
    """How many copies confirm a write, and answer a question."""
    user: str | None = None
    """Who we are to the cluster; absent: nobody, for one that asks no passwords."""
    password_file: str | None = None
    """Holds the user's password on its first line."""
    ca_file: str | None = None
    """Certificates that the cluster's are checked against, in PEM; absent: no TLS."""
    keep_days: Annotated[int, Meta(ge=1, le=7_300)] | None = None
    """Of a keyspace that is made: stamps that were stored longer ago go by themselves; absent: never."""
    bucket_s: Annotated[int, Meta(ge=900, le=86_400, multiple_of=900)] = 3600
    """Of a keyspace that is made: a partition holds the stamps of one node from so many seconds."""
    request_s: Annotated[float, Meta(gt=0, le=300)] = 10.0
    """How long one request may take."""

    @property
    def keeps_all(self) -> bool:
        """Nothing is deleted by us: Cassandra does."""
        return True

    def open_writer(self, folder: Path, site: str, now: Callable[[], int]) -> "CassandraWriter":
        """The one writer of a site; what Cassandra does not keep lies below the folder. `now` gives ms since the epoch.

        ConfigError for what Cassandra says cannot be used like this. While Cassandra is away the writer waits for it.
        """
        _need_driver()
        from headwater.store.cassandra.writer import CassandraWriter

        return CassandraWriter(self, folder, site, now)

    def open_reader(self, folder: Path, site: str) -> "CassandraReader":
        """A reader of a site; Unavailable while no writer has made the keyspace, or Cassandra is away."""
        _need_driver()
        from headwater.store.cassandra.reader import CassandraReader

        return CassandraReader(self, folder, site)


def _need_driver() -> None:
    if importlib.util.find_spec("cassandra") is None:
        raise ConfigError('store: kind = "cassandra" needs the driver: pip install "headwater[cassandra]"')
