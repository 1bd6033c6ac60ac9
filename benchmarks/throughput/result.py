"""What is measured: the cases, and the figures of one run."""

import msgspec


class Case(msgspec.Struct, frozen=True):
    """One way to load the path."""

    path: str
    """`ours`, or `2018` for the protocol of one reading a message."""
    provenance: bool
    size: int
    """Readings a batch."""
    readings: int
    rate: float = 0.0
    """Readings a second; 0 for as many as possible."""

    def with_provenance(self, on: bool) -> "Case":
        """The same load with provenance or without."""
        return msgspec.structs.replace(self, provenance=on)

    @property
    def name(self) -> str:
        load = f"{self.rate:,.0f}/s" if self.rate else "saturated"
        return f"{self.path}, N={self.size}, {load}, provenance {'on' if self.provenance else 'off'}"


class Result(msgspec.Struct, frozen=True):
    """Figures of one run; bytes and CPU time are per reading."""

    seconds: float
    """From the first reading sent to the last one durable at the endpoint."""
    readings_per_s: float
    link_bytes: float
    """On the link from gateway to endpoint, both ways."""
    path_bytes: float
    """On all links: also from the sensor, and to the provenance store."""
    stamps_bytes: float
    """On the links to the provenance store alone."""
    cpu_us: float
    """Of all processes but the sensor."""
    process_cpu_us: dict[str, float]
    """Of each of them, by its name."""
    memory_mib: dict[str, float]
    """The largest resident set of each process, by its name."""
    memory_growth_mib: float = 0.0
    """By how much the gateway's resident set grew from the first reading measured to the last."""
    stamps_lag_s: float = 0.0
    """From the last reading durable at the endpoint to the last stamp in the store."""
    p50_ms: float = 0.0
    p95_ms: float = 0.0
    p99_ms: float = 0.0
