"""What a provenance daemon can be told: the options of `headwater agent`, their defaults and bounds."""

from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

import msgspec
from msgspec import Meta

from headwater.model.ids import NODE_MAX

AGENT_PORTS = 10
"""How far the port of an agent lies from that of its pipeline daemon, unless it is said otherwise."""


class AgentOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One provenance daemon, beside the pipeline daemon whose log it reads."""

    node: Annotated[int, Meta(ge=0, le=NODE_MAX)]
    name: str
    site: str = "default"
    listen: str = "127.0.0.1:50061"
    """host:port where it serves readings by id."""
    address: str | None = None
    """host:port at which others find it, when that is not where it listens."""
    data: Path
    """The node's folder, the same as the pipeline daemon's."""
    server: str = "127.0.0.1:5001"
    """host:port of the server's gRPC ingest."""
    agents: dict[str, str] = {}
    """Where the agents of other nodes answer, by host:port of their pipeline daemons; of the rest 10 ports further."""
    group_batches_max: Annotated[int, Meta(gt=0, le=4096)] = 256
    """The most batches whose stamps go in one group."""
    group_wait_ms: Annotated[int, Meta(ge=0, le=60_000)] = 100
    """How long a group waits to fill."""
    buffer_capacity: Annotated[int, Meta(ge=0, le=100_000)] = 0
    """The least data points whose stamps are shipped together, as `BUFFER_CAPACITY` of 2018; fewer wait at most a
    second."""
    redis: str | None = None
    """URL of the Redis or Valkey of this node, which then keeps its recent readings too."""
    storagetime_s: Annotated[int, Meta(ge=0)] = 3600
    """How long readings are kept in Redis: as long as in the log."""

    @property
    def log(self) -> Path:
        """Where the node log is."""
        return self.data / "log"


def parse_redis(text: str) -> str:
    """The URL of a Redis; ValueError with the reason when it cannot be one."""
    try:
        url = urlsplit(text)
        place = url.path if url.scheme == "unix" else url.hostname
        url.port  # noqa: B018 looks at the port
    except ValueError as error:
        raise ValueError(f"is no URL: {error}") from None
    if url.scheme not in ("redis", "rediss", "unix") or not place:
        raise ValueError("must be redis://HOST:PORT/DB, rediss://HOST:PORT/DB or unix:///PATH?db=DB")
    if url.scheme != "unix" and not (url.path.strip("/") or "0").isdecimal():
        raise ValueError(f"{url.path} is no database: a number is needed, such as redis://127.0.0.1:6379/0")
    return text


def redis_place(text: str) -> str:
    """A Redis URL without the password in it."""
    url: SplitResult = urlsplit(text)
    return url._replace(netloc=url.netloc.rpartition("@")[2], query="").geturl()
