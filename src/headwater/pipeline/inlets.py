"""What the ways in besides gRPC can be told: the options of `[[node.mqtt]]` and of the HTTP listener."""

import zlib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from headwater.pipeline.mapping import MappingOptions
from headwater.pipeline.payloads import SENML_NAMES, Format
from headwater.wire.topics import Pattern, parse_pattern

MIB = 1 << 20
NEVER_S = 0xFFFF_FFFF
"""A session expiry that MQTT 5 takes for never."""
MQTT_PORT, MQTTS_PORT = 1883, 8883
MQTT_WINDOW = 500_000
"""What a node with subscriptions remembers unless it is told: three times what the MQTT campaign needs."""


class MqttOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One subscription at one broker."""

    broker: str
    """host:port"""
    topic: str
    """A topic filter; `{name}` is a level that is kept under that name: `plant/{meter}/+/{metric}`."""
    format: Format = "json"
    mapping: MappingOptions = MappingOptions()
    version: Literal["3.1.1", "5"] = "5"
    client_id: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    """Names the session at the broker; absent: made of site, node and topic."""
    session_expiry_s: Annotated[int, Meta(ge=60, le=NEVER_S)] = 7 * 86_400
    """How long an MQTT 5 broker keeps the session of a gateway that is away."""
    in_flight_max: Annotated[int, Meta(ge=1, le=65_535)] = 256
    """The most messages that an MQTT 5 broker sends ahead of their acknowledgement."""
    payload_bytes_max: Annotated[int, Meta(ge=1, le=16 * MIB)] = MIB
    keepalive_s: Annotated[int, Meta(ge=5, le=3600)] = 30
    username: str | None = None
    password_file: Path | None = None
    """A file whose first line is the password."""
    password_variable: str | None = None
    """An environment variable that holds it."""
    tls: bool = False
    ca_file: Path | None = None
    """The authorities to trust, instead of those of the system."""
    certificate_file: Path | None = None
    key_file: Path | None = None

    def __post_init__(self) -> None:
        known = self.pattern.names | (SENML_NAMES if self.format == "senml" else frozenset())
        unknown = self.mapping.names - known
        if unknown:
            raise ValueError(f"the mapping names {', '.join(sorted(unknown))}, which the topic does not capture")
        if self.format == "senml" and any(
            text is not None and text.startswith("$") for text in (self.mapping.meter, self.mapping.metric)
        ):
            raise ValueError("the mapping of senml takes names such as {bn}, {n} and {unit}, no paths")
        if self.password_file is not None and self.password_variable is not None:
            raise ValueError("password_file and password_variable: give one of the two")
        if (self.password_file or self.password_variable) and self.username is None:
            raise ValueError("a password needs a username")
        if not self.tls and (self.ca_file or self.certificate_file or self.key_file):
            raise ValueError("ca_file, certificate_file and key_file need tls = true")
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file go together")

    @property
    def pattern(self) -> Pattern:
        return parse_pattern(self.topic)

    def session(self, site: str, node: int) -> str:
        """The client id: another topic means another session, for a session keeps its subscriptions."""
        topic = zlib.crc32(self.pattern.filter.encode())
        return self.client_id or f"headwater-{site}-{node:06x}-{topic:08x}"


class HttpOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is posted to the gateway, and how much of it."""

    mapping: MappingOptions = MappingOptions()
    body_bytes_max: Annotated[int, Meta(ge=1024, le=64 * MIB)] = 4 * MIB
    """The largest body, after decompression."""
