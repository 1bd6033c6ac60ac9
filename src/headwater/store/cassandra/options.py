"""The options of a store on Cassandra; imports no driver."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

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
