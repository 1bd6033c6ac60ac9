"""What a measured topology carries: the contexts of 2018, its buffers, and the load of its sensors."""

from msgspec.structs import replace

from headwater.config import Topology
from headwater.model.context import ALL_METRICS

METERS_2018 = 14
"""Files that a source of 2018 replayed; with our four metrics each they give 56 readings a second, 2018 gave 58."""
FOUR = ("metricid", "ctime", "stime", "rtime")
SIX = (*FOUR, "meterid", "app")
CONTEXTS: dict[str, tuple[str, ...] | None] = {
    "none": None,
    "ctime": ("ctime",),
    **{metric: (metric, "ctime") for metric in ALL_METRICS if metric != "ctime"},
    "four": FOUR,
    "six": SIX,
    "full": ALL_METRICS,
}
"""The columns that stamps record, by the name of the setting; None makes no stamps."""


def loaded(topology: Topology, context: str, buffer: int, rate: float | None) -> Topology:
    """The topology with one context and buffer, without steps, as in 2018.

    Its sensors send `rate` readings a second each, stamped with the time of sending; as those of 2018 when it is None.
    """
    metrics = CONTEXTS[context]
    provenance = {"provenance": metrics is not None, "metrics": metrics or ALL_METRICS}
    load = {"meters": METERS_2018, "frequency_ms": 1000} if rate is None else {"rate": rate}
    sensors = tuple(
        replace(group, keep_journal=True, timestamps="now", first_meter=1 + 1000 * at, **load)
        for at, group in enumerate(topology.sensors)
    )
    return replace(
        topology,
        gateways=tuple(replace(gateway, steps=(), **provenance) for gateway in topology.gateways),
        agents=tuple(replace(agent, buffer_capacity=buffer) for agent in topology.agents),
        sensors=sensors,
    )
