"""What a pipeline daemon can be told: the options of `headwater gateway`, their defaults and bounds.

The bounds hold for options that `headwater.config.build` makes, from a topology file or a command line.
"""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from headwater.capture.configuration import check_metrics
from headwater.model.context import ALL_METRICS, Location
from headwater.model.ids import NODE_MAX
from headwater.pipeline.inlets import HttpOptions, MqttOptions
from headwater.pipeline.step_options import StepOptions, check_masks

MIB = 1 << 20


class GatewayOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One pipeline daemon: a gateway when it has a next hop, an endpoint when it has none."""

    node: Annotated[int, Meta(ge=0, le=NODE_MAX)]
    name: str
    site: str = "default"
    listen: str = "127.0.0.1:50051"
    """host:port of both RPCs."""
    address: str | None = None
    """host:port at which others find the node, when that is not where it listens: in containers, behind NAT."""
    next: str | None = None
    """host:port of the next hop; None at an endpoint."""
    next_protocol: Literal["push_batches", "push_data"] = "push_batches"
    successor: Annotated[int, Meta(ge=0, le=NODE_MAX)] | None = None
    """Node id of the next hop, when the configuration already says it."""
    location: Location = Location()
    application: str = "headwater"
    """What the stamps of this node name as their application."""
    data: Path
    """The node's folder."""
    storagetime_s: Annotated[int, Meta(ge=0)] = 3600
    """How long readings stay in the log once they are sent; unsent ones stay until they are."""
    log_bytes_max: Annotated[int, Meta(ge=2 * MIB)] = 1024 * MIB
    segment_bytes: Annotated[int, Meta(ge=64 * 1024)] = 64 * MIB
    when_full: Literal["block", "drop_oldest"] = "block"
    metrics: tuple[str, ...] = ALL_METRICS
    """The context columns that stamps record."""
    provenance: bool = True
    """False makes no stamps and changes nothing else."""
    steps: Annotated[tuple[StepOptions, ...], Meta(max_length=64)] = ()
    sync_interval_ms_min: Annotated[int, Meta(ge=0, le=10_000)] = 0
    deduplicate_window: Annotated[int, Meta(ge=0, le=10_000_000)] = 0
    """How many readings of unnumbered sources are remembered to refuse their repetition; 0 is off. In a topology file
    the default of a node with `[[node.mqtt]]` is 500000."""
    mqtt: Annotated[tuple[MqttOptions, ...], Meta(max_length=64)] = ()
    """Subscriptions at MQTT brokers, from which readings come in."""
    http_listen: str | None = None
    """host:port where readings may be posted; None: nowhere."""
    http: HttpOptions = HttpOptions()
    new_log: bool = False
    """Begin a new log id in a folder whose manifest is lost."""

    def __post_init__(self) -> None:
        check_metrics(self.metrics)
        check_masks(self.steps)
        if 2 * self.segment_bytes > self.log_bytes_max:
            raise ValueError(
                f"log_bytes_max = {self.log_bytes_max} must be at least twice segment_bytes = {self.segment_bytes}"
            )

    @property
    def log(self) -> Path:
        """Where the node log is."""
        return self.data / "log"
