"""What each component has sent and received: by the interfaces of its host, or by its connections on loopback."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from benchmarks.grid import tcp
from benchmarks.grid.network import Counted, Network
from benchmarks.grid.running import Grid


class Counters(Protocol):
    """Counts bytes, all headers included."""

    def now(self) -> tuple[dict[str, Counted], int]:
        """What each component received and sent so far, and all links carried together."""
        ...


class Interfaces:
    """Those of the hosts of a network."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def now(self) -> tuple[dict[str, Counted], int]:
        network = self._network
        found = {}
        for host in network.hosts:
            counts = [network.counted(link, host) for link in network.of(host)]
            found[host] = Counted(sum(one.received for one in counts), sum(one.sent for one in counts))
        return found, sum(network.link_bytes().values())


@contextmanager
def counters_of(grid: Grid) -> Iterator[Counters]:
    """The counters of a topology that runs."""
    if grid.network is not None:
        yield Interfaces(grid.network)
        return
    watch = tcp.Watch(grid.processes_of)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()
