"""The network of the throughput benchmark: a host each for sensor, gateway, endpoint and server."""

from benchmarks.grid.network import Link, Network

ENTRY = Link(1, "sensor", "gateway")
HOP = Link(2, "gateway", "endpoint")
STAMPS = Link(3, "gateway", "server")
END_STAMPS = Link(4, "endpoint", "server")
NETWORK = Network((ENTRY, HOP, STAMPS, END_STAMPS))
