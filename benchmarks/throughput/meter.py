"""What a run uses from a moment on: the bytes on every link, and processor time and memory of its processes."""

from benchmarks.grid.processes import Process
from benchmarks.throughput.network import END_STAMPS, HOP, NETWORK, STAMPS
from benchmarks.throughput.result import Case, Result

_MIB = 1 << 20


class Meter:
    """Counts from when it is made."""

    def __init__(self, processes: dict[str, Process]) -> None:
        """`processes` by name, the gateway's daemon as `gateway`."""
        self._processes = processes
        self._bytes = NETWORK.link_bytes()
        self._cpu_s = self._used_s()
        self._memory = processes["gateway"].used.memory_bytes

    def result(self, case: Case, took_s: float, stamps_lag_s: float = 0.0, **told: float) -> Result:
        """The figures of a case whose readings took `took_s`; `told` are the latencies that its endpoint told."""
        sent = {link: now - self._bytes[link] for link, now in NETWORK.link_bytes().items()}
        gateway = self._processes["gateway"].used
        cpu_us = {name: (now - self._cpu_s[name]) * 1e6 / case.readings for name, now in self._used_s().items()}
        return Result(
            seconds=took_s,
            readings_per_s=case.readings / took_s,
            link_bytes=sent[HOP.name] / case.readings,
            path_bytes=sum(sent.values()) / case.readings,
            stamps_bytes=(sent[STAMPS.name] + sent[END_STAMPS.name]) / case.readings,
            cpu_us=sum(cpu_us.values()),
            process_cpu_us=cpu_us,
            memory_mib={name: process.used.peak_bytes / _MIB for name, process in self._processes.items()},
            memory_growth_mib=(gateway.memory_bytes - self._memory) / _MIB,
            stamps_lag_s=stamps_lag_s,
            **told,
        )

    def _used_s(self) -> dict[str, float]:
        return {name: process.used.cpu_s for name, process in self._processes.items()}
