"""The options of a keyspace of 2018; imports no driver."""

from typing import Annotated

import msgspec
from msgspec import Meta

from headwater.store.cassandra.options import CassandraOptions, Consistency


class Cassandra2018Options(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="cassandra-2018"
):
    """The tables that a system of 2018 writes or has written; they are only read."""

    hosts: Annotated[tuple[str, ...], Meta(min_length=1)] = ("127.0.0.1:9042",)
    """host:port of nodes of the cluster to begin with; the others are found."""
    keyspace: Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,47}$")] = "provenancekey"
    """CASSANDRA_KEYSPACE_NAME of 2018 in lower case."""
    table: Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,47}$")] = "provenancetable"
    """The table of data points, CASSANDRA_TABLE_NAME of 2018 in lower case."""
    datacenter: str | None = None
    """The one that is asked; absent: that of the hosts."""
    consistency: Consistency = "LOCAL_ONE"
    """How many copies answer a question."""
    user: str | None = None
    """Who we are to the cluster; absent: nobody, for one that asks no passwords."""
    password_file: str | None = None
    """Holds the user's password on its first line."""
    ca_file: str | None = None
    """Certificates that the cluster's are checked against, in PEM; absent: no TLS."""
    request_s: Annotated[float, Meta(gt=0, le=300)] = 10.0
    """How long one request may take."""
    green_s: Annotated[float, Meta(gt=0, le=86_400)] = 30.0
    """A heartbeat is Green up to this age ..."""
    yellow_s: Annotated[float, Meta(gt=0, le=86_400)] = 60.0
    """... and Yellow up to this one, then Red; the other backend of 2018 had 5 and 10."""
    scan_rows_max: Annotated[int, Meta(ge=1, le=100_000_000)] = 2_000_000
    """The most data points that are read to find the newest of a node, what was made of one, or an event time."""
    scan_s: Annotated[float, Meta(gt=0, le=60)] = 5.0
    """For how long one question goes on with that before it is told to come again."""

    @property
    def keeps_all(self) -> bool:
        """Nothing is deleted by us."""
        return True

    @property
    def cluster(self) -> CassandraOptions:
        """How the cluster is reached."""
        return CassandraOptions(
            hosts=self.hosts,
            keyspace=self.keyspace,
            datacenter=self.datacenter,
            consistency=self.consistency,
            user=self.user,
            password_file=self.password_file,
            ca_file=self.ca_file,
            request_s=self.request_s,
        )
