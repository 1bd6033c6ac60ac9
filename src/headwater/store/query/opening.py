"""Which view of a store a query gets."""

from pathlib import Path

from headwater.store.cassandra.options import CassandraOptions
from headwater.store.files import files_of
from headwater.store.options import StoreOptions
from headwater.store.query.view import View


def open_view(options: StoreOptions, folder: Path, site: str) -> View:
    """A query's view of a site's store; Unavailable while there is none."""
    if isinstance(options, CassandraOptions):
        from headwater.store.query.cassandra_view import CassandraView

        return CassandraView(options, folder, site)
    from headwater.store.query.scan import Scan

    return Scan(files_of(folder, site))
