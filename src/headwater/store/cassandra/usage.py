"""What a keyspace takes on disk, as far as one node of the cluster tells."""

from headwater.store.cassandra.connection import FAULTS, Connection

_USAGE = "SELECT mebibytes FROM system_views.disk_usage WHERE keyspace_name = %s"


def disk_bytes(connection: Connection) -> int:
    """Bytes of the keyspace's tables on the node that answers, in whole MiB and one more; 0 where we may not know."""
    try:
        rows = connection.session.execute(_USAGE, [connection.options.keyspace])
        return (sum(int(mebibytes) for (mebibytes,) in rows) + 1) << 20
    except FAULTS:
        return 0
