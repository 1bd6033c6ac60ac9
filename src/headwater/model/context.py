"""The circumstances under which a node makes data points: stored once, named by 8 bytes of its BLAKE2b."""

import hashlib

import msgspec

METRICS: dict[str, str] = {
    "meterid": "METER",
    "metricid": "METRIC",
    "loc": "LOCATION",
    "line": "LINE",
    "class": "CLASS",
    "app": "APPLICATION",
    "ctime": "CREATE_TIME",
    "stime": "SEND_TIME",
    "rtime": "RECEIVE_TIME",
}
"""The context columns by their 2018 configuration name, with the enum name of 2018 messages, in 2018's order."""

ALL_METRICS = tuple(METRICS)
CONTEXT_ID_BYTES = 8


class Location(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A label, and where it is in WGS 84 degrees when that is known."""

    label: str = "default"
    latitude: float | None = None
    longitude: float | None = None


class Context(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is the same for all data points that one piece of code makes at one node.

    `metrics` names the context columns that the node records; what it does not name is absent in every answer.
    """

    metrics: tuple[str, ...] = ALL_METRICS
    location: Location | None = None
    application: str | None = None
    class_name: str | None = None
    line: int | None = None
    step: str | None = None
    """The step or function, with its parameters, that made the data points; None for forwarding."""

    @property
    def id(self) -> bytes:
        """The name of this context: 8 bytes of the BLAKE2b of its encoding."""
        return hashlib.blake2b(msgspec.msgpack.encode(self), digest_size=CONTEXT_ID_BYTES).digest()

    def has(self, metric: str) -> bool:
        return metric in self.metrics

    @property
    def enum_names(self) -> str:
        """The recorded columns as 2018 messages name them, comma-joined in the configured order."""
        return ",".join(METRICS[metric] for metric in self.metrics)
