"""What SQL may take: its options, their defaults and bounds."""

from typing import Annotated

import msgspec
from msgspec import Meta


class QueryOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limits of user SQL."""

    at_once: Annotated[int, Meta(ge=1, le=64)] = 2
    """Queries that run at the same time, each in a process of its own."""
    waiting_max: Annotated[int, Meta(ge=0, le=10_000)] = 16
    """Queries that wait for their turn; one more is told to come again."""
    time_s_max: Annotated[float, Meta(gt=0, le=86_400)] = 30.0
    """How long a query may take."""
    stream_s_max: Annotated[float, Meta(gt=0, le=604_800)] = 3600.0
    """How long one may take whose answer is streamed, as for an export."""
    memory_bytes_max: Annotated[int, Meta(ge=64 << 20)] = 256 << 20
    """Memory of a query, as DuckDB counts it; a second wall stands somewhat behind it."""
    threads: Annotated[int, Meta(ge=1, le=64)] = 1
    """Threads of a query."""
    rows: Annotated[int, Meta(ge=1)] = 10_000
    """The rows of an answer that names no other number ..."""
    rows_max: Annotated[int, Meta(ge=1)] = 1_000_000
    """... and the most it may name."""
    bytes_max: Annotated[int, Meta(ge=1)] = 32 << 20
    """About the bytes of an answer."""
    values_max: Annotated[int, Meta(ge=0)] = 1_000_000
    """The most values that one query fetches from the nodes."""
    spare: Annotated[int, Meta(ge=0, le=8)] = 1
    """Processes kept ready for the next query."""
