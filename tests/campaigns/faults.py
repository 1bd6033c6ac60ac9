"""What goes wrong in a run and how large it is, drawn from its seed."""

import random
from typing import NamedTuple

NODES = ("gatewayA", "gatewayB", "gatewayC", "endpoint")
SENSORS = ("sensorsA", "sensorsB")
STORE, API = "server/store", "server/api"
AGENTS = tuple(f"{node}/agent" for node in NODES)
PROCESSES = (STORE, API, *NODES, *AGENTS, *SENSORS)

HOSTS: dict[str, tuple[str, ...]] = {
    **{node: (node, f"{node}/agent") for node in NODES},
    **{group: (group,) for group in SENSORS},
}
"""What stops at once when a machine loses its power. (SQLite's word is taken for the store.)"""
FOLDERS = {**{node: f"{node}/log" for node in NODES}, **{group: group for group in SENSORS}}
"""The folder of a host that is written through `headwater.log.disk`."""

_GATEWAY_POINTS = (
    *("append", "write:segment", "half:segment", "sync:segment", "synced:segment", "word:mark"),
    *("acknowledge", "acknowledged", "welcome", "forward", "forwarded"),
    *(
        "created:segment",
        "rename:segment",
        "renamed:segment",
        "unlink:segment",
        "unlinked:segment",
        "truncated",
        "rewritten",
    ),
    *("rename:cursor", "renamed:cursor", "rename:manifest", "renamed:manifest", "renamed:explained"),
)
_OWN_POINTS = {"gatewayC": ("rename:checkpoint", "renamed:checkpoint", "renamed:checkpoint")}
_AGENT_POINTS = ("ship", "shipped", "told", "rename:cursor", "renamed:cursor")
_SENSOR_POINTS = (
    *("created:journal", "write:journal", "half:journal", "sync:journal", "synced:journal", "send", "told"),
    *("rename:source", "renamed:source"),
)
_STORE_POINTS = ("add", "added", "sealed", "stored", "met")
_OFTEN = (1, 2, 3, 5, 8, 13, 21, 34)
_SELDOM = (1, 1, 2, 3)
_EARLY = frozenset({"welcome", "truncated", "rewritten", "rename:source", "renamed:source", "met", "created:journal"})


LONG_FREQUENCY_MS = 100
LONG_LIVES_EVERY_S = 60.0


class Fault(NamedTuple):
    """Something that happens to processes or hosts at a time after the start."""

    at_s: float
    what: str
    """kill | stop (asked to) | power | pause"""
    targets: tuple[str, ...]
    for_s: float
    """How long they are away."""


class Death(NamedTuple):
    """A process kills itself the `nth` time it passes a point, perhaps as its host loses power."""

    point: str
    nth: int
    power: bool
    for_s: float


class Life(NamedTuple):
    """One run of a process."""

    death: Death | None = None
    clock_ms: int = 0
    slow_ms: int = 0
    """How long the disk takes for each sync."""


class Plan(NamedTuple):
    """Everything that a seed decides."""

    seed: int
    meters: int
    ticks: int
    frequency_ms: int
    keep_journal: bool
    window_s: int
    lateness_s: int
    disorder_ms: int
    """How far readings come out of order."""
    function: str
    segment_bytes: int
    log_bytes_max: int
    """Of gateways; the endpoint keeps everything, to be compared."""
    storagetime_s: int
    period_bytes_max: int
    faults: tuple[Fault, ...]
    lives: dict[str, tuple[Life, ...]]
    """What the first lives of a process are like; later ones are plain."""

    @property
    def readings(self) -> int:
        """All that is sent, by both groups of sensors, each meter giving four at a tick."""
        return len(SENSORS) * self.meters * 4 * self.ticks

    def describe(self) -> str:
        """All of it, to be read."""
        sizes = [f"{key}={value}" for key, value in self._asdict().items() if key not in ("faults", "lives")]
        faults = [
            f"  at {fault.at_s:.2f} s {fault.what} {', '.join(fault.targets)} for {fault.for_s:.2f} s"
            for fault in self.faults
        ]
        lives = [f"  {name} life {at}: {life}" for name, held in self.lives.items() for at, life in enumerate(held, 1)]
        return "\n".join([" ".join(sizes), *faults, *lives])


def draw(seed: int, duration_s: float = 3.0) -> Plan:
    """The plan of a seed."""
    rng = random.Random(seed)
    frequency_ms = rng.choice((15, 25, 40))
    segment_bytes = rng.choice((6_000, 20_000, 64 << 20))
    return Plan(
        seed=seed,
        meters=rng.choice((1, 2, 4)),
        ticks=int(duration_s * 1000 / frequency_ms * rng.uniform(0.7, 1.0)),
        frequency_ms=frequency_ms,
        keep_journal=rng.random() < 0.7,
        window_s=rng.choice((120, 300, 900)),
        lateness_s=rng.choice((0, 60, 180)),
        disorder_ms=rng.choice((0, 0, 90_000, 400_000)),
        function=rng.choice(("average", "average", "sum", "min", "max", "count", "last")),
        segment_bytes=segment_bytes,
        log_bytes_max=rng.choice((450_000, 1 << 30)),
        storagetime_s=rng.choice((0, 3600)),
        period_bytes_max=rng.choice((150_000, 1 << 30)),
        faults=tuple(sorted(_fault(rng, duration_s) for _ in range(rng.randint(2, 7)))),
        lives=_lives(rng),
    )


def draw_long(seed: int, duration_s: float) -> Plan:
    """The plan of one long run: a fault every few seconds, and lives that end by themselves all along."""
    plan, rng = draw(seed), random.Random(seed)
    lives: dict[str, tuple[Life, ...]] = {}
    for _ in range(int(duration_s / LONG_LIVES_EVERY_S) + 1):
        for name, held in _lives(rng).items():
            lives[name] = (*lives.get(name, ()), *held)
    faults, at_s = [], 0.0
    while at_s < duration_s:
        fault = _fault(rng, 3.0)
        faults.append(fault._replace(at_s=at_s + fault.at_s))
        at_s += rng.uniform(2.0, 8.0)
    ticks = int(duration_s * 1000 / LONG_FREQUENCY_MS)
    return plan._replace(
        meters=4, ticks=ticks, frequency_ms=LONG_FREQUENCY_MS, faults=tuple(sorted(faults)), lives=lives
    )


def calm(seed: int, **sizes: int | str | bool) -> Plan:
    """A plan in which nothing goes wrong, with some sizes of one's own."""
    plain = Plan(
        seed=seed,
        meters=2,
        ticks=60,
        frequency_ms=10,
        keep_journal=True,
        window_s=900,
        lateness_s=0,
        disorder_ms=0,
        function="average",
        segment_bytes=64 << 20,
        log_bytes_max=1 << 30,
        storagetime_s=3600,
        period_bytes_max=1 << 30,
        faults=(),
        lives={},
    )
    return plain._replace(**sizes)  # type: ignore[arg-type]


def _fault(rng: random.Random, duration_s: float) -> Fault:
    at_s = rng.uniform(0.2, duration_s)
    short_s = rng.uniform(0.0, 0.4)
    match rng.choice(("kill", "kill", "stop", "power", "power", "pause", "away")):
        case "power":
            return Fault(at_s, "power", _hosts(rng), short_s)
        case "pause":
            return Fault(at_s, "pause", (rng.choice(PROCESSES),), rng.uniform(0.03, 0.7) * duration_s)
        case "away":
            what = rng.choice(("kill", "pause"))
            return Fault(at_s, what, (rng.choice(("endpoint", "gatewayC", STORE)),), rng.uniform(0.3, 0.8) * duration_s)
        case what:
            return Fault(at_s, what, tuple(rng.sample(PROCESSES, rng.choice((1, 1, 1, 2, 3)))), short_s)


def _hosts(rng: random.Random) -> tuple[str, ...]:
    together = (("gatewayA", "sensorsA"), ("gatewayB", "sensorsB"), ("gatewayC", "endpoint"), tuple(HOSTS))
    alone = [(host,) for host in HOSTS]
    return rng.choice((rng.choice(alone), rng.choice(alone), rng.choice(together)))


def _lives(rng: random.Random) -> dict[str, tuple[Life, ...]]:
    lives: dict[str, list[Life]] = {}
    for _ in range(rng.randint(6, 18)):
        kind = rng.choice(("gateway", "gateway", "gateway", "agent", "sensors", "store"))
        names = {"gateway": NODES, "agent": AGENTS, "sensors": SENSORS, "store": (STORE,)}[kind]
        name = rng.choice(names)
        clock_ms = rng.choice((0, 0, -3_600_000, 5_000, 86_400_000)) if kind == "gateway" else 0
        slow_ms = rng.choice((0, 5, 20, 60)) if kind in ("gateway", "sensors") else 0
        lives.setdefault(name, []).append(Life(_death(rng, kind, name), clock_ms, slow_ms))
    if rng.random() < 0.3:
        lives[rng.choice(NODES)] = _two_in_a_row(rng)
    return {name: tuple(held) for name, held in sorted(lives.items())}


def _two_in_a_row(rng: random.Random) -> list[Life]:
    """Dies with something written and not synced, and loses its power as it has hardly told others of it."""
    first = Death(rng.choice(("sync:segment", "half:segment", "synced:segment")), rng.choice(_OFTEN), False, 0.0)
    points = ("welcome", "acknowledge", "acknowledged", "forward", "forwarded", "rewritten", "created:cursor")
    second = Death(rng.choice(points), rng.choice((1, 1, 2)), True, 0.1)
    return [Life(first, 0, 20), Life(second, 0, 20)]


def _death(rng: random.Random, kind: str, name: str) -> Death | None:
    """How a life ends; one in four ends by the faults alone, if at all."""
    if rng.random() < 0.25:
        return None
    points = {"gateway": _GATEWAY_POINTS, "agent": _AGENT_POINTS, "sensors": _SENSOR_POINTS, "store": _STORE_POINTS}
    point = rng.choice((*points[kind], *(_OWN_POINTS.get(name, ()))))
    seldom = point in _EARLY or point.startswith(("rename", "created", "unlink"))
    power = kind in ("gateway", "sensors") and rng.random() < 0.5
    return Death(point, rng.choice(_SELDOM if seldom else _OFTEN), power, rng.uniform(0.0, 0.4))
