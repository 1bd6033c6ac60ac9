"""What a provenance daemon can be told: the options of `headwater agent`, their defaults and bounds."""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from headwater.model.ids import NODE_MAX


class AgentOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One provenance daemon, beside the pipeline daemon whose log it reads."""

    node: Annotated[int, Meta(ge=0, le=NODE_MAX)]
    name: str
    site: str = "default"
    listen: str = "127.0.0.1:50061"
    """host:port where it serves readings by id."""
    data: Path
    """The node's folder, the same as the pipeline daemon's."""
    server: str = "127.0.0.1:5001"
    """host:port of the server's gRPC ingest."""
    group_batches_max: Annotated[int, Meta(gt=0, le=4096)] = 256
    """The most batches whose stamps go in one group."""
    group_wait_ms: Annotated[int, Meta(ge=0, le=60_000)] = 100
    """How long a group waits to fill."""

    @property
    def log(self) -> Path:
        """Where the node log is."""
        return self.data / "log"
