"""Which view of a store a query gets."""

from pathlib import Path

from headwater.model.errors import Rejected
from headwater.store.cassandra.options import CassandraOptions
from headwater.store.cassandra2018.options import Cassandra2018Options
from headwater.store.files import files_of
from headwater.store.options import StoreOptions
from headwater.store.query.view import View


def open_view(options: StoreOptions, folder: Path, site: str) -> View:
    """A query's view of a site's store; Unavailable while there is none."""
    if isinstance(options, CassandraOptions):
        from headwater.store.query.cassandra_view import CassandraView

        return CassandraView(options, folder, site)
    if isinstance(options, Cassandra2018Options):
        raise Rejected("store", "tables of 2018 are not asked with SQL: ask with CQL (/v1/cql, headwater cql)")
    from headwater.store.query.scan import Scan

    return Scan(files_of(folder, site))
