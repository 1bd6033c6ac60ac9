"""What the REST API can be told: its options, their defaults and bounds."""

from typing import Annotated

import msgspec
from msgspec import Meta

from headwater.store.options import SqliteOptions, StoreOptions
from headwater.store.query.options import QueryOptions


class ApiOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The process that answers REST."""

    listen: str = "127.0.0.1:5000"
    """host:port; port 0 lets the system choose."""
    hosts: tuple[str, ...] = ()
    """What the server is called beside `localhost` and addresses; none: any name, unless it listens on the loopback."""
    folder: str | None = None
    """The folder of the stores, for SQL; None where there is none."""
    site: str = "default"
    store: StoreOptions = SqliteOptions()
    """Where stamps are kept, for SQL."""
    ingest: str | None = None
    """host:port where the store's process is told what to judge no longer; None where there is none."""
    control: str | None = None
    """The socket of the run that these nodes belong to, where chaos is enabled: then faults can be asked for."""
    reports: str | None = None
    """The folder of the reports of benchmarks and chaos; None where there is none."""
    dashboard: str | None = None
    """The Unix socket of the process that shows the dashboard; None where there is none."""
    sql: QueryOptions = QueryOptions()
    lanes: Annotated[int, Meta(ge=1, le=64)] = 2
    """Threads for questions that may take long; one more answers the short ones."""
    agent_timeout_s: Annotated[float, Meta(gt=0, le=60)] = 5.0
    """How long one question to a node's agent may take before its values are shown as unreachable."""
    body_bytes_max: Annotated[int, Meta(ge=1)] = 1 << 20
    ids_max: Annotated[int, Meta(ge=1)] = 10_000
    """The most ids in one bulk question."""
    points_max: Annotated[int, Meta(ge=1)] = 100_000
    """The most data points in one answer, repeated ones counted each time."""
    depth_max: Annotated[int, Meta(ge=1, le=250)] = 200
    """The most hops that one recursive answer nests."""
    connections_max: Annotated[int, Meta(ge=1)] = 512
    """The most connections at once; on one more every question is told to come again."""
    live_clients_max: Annotated[int, Meta(ge=1)] = 64
    """The most clients that follow live events at once."""
    live_queue_events: Annotated[int, Meta(ge=1)] = 1_000
    """The most events that wait for one client; a slower one is told how many it missed."""
    live_interval_s: Annotated[float, Meta(gt=0, le=60)] = 0.1
    """How often the store is asked for new batches while somebody follows."""
    rates_interval_s: Annotated[float, Meta(gt=0, le=60)] = 1.0
    heartbeat_s: Annotated[float, Meta(gt=0, le=60)] = 10.0
    """A stream that has no event says that it lives this often."""
    stop_timeout_s: Annotated[int, Meta(ge=1)] = 5
    """How long requests under way may take once the API is told to stop."""
