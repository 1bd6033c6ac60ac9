"""A small grid in a real store: what two gateways, a step and an endpoint shipped, so that its lineage is known.

    A 000001 ─┐
              ├─► C 000003 (forwards, and averages pairs) ─► E 000004
    B 00000b ─┘

B records only ctime and got its readings from a 2018 client. C also took a batch of node 00000f that was never shipped.
"""

from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np

from headwater.model.context import Context, Location
from headwater.model.health import Change, Health, Part, Subject, Verdict
from headwater.model.ids import DataPointId, IdRun
from headwater.model.records import Config, Definition, Kind, Loss
from headwater.model.report import LinkEnd, NodeReport
from headwater.model.shipment import Shipment, ShippedStamp
from headwater.model.stamp import Inputs, Lists, Origin, OriginKind, Same, Stamp
from headwater.store.health import HealthWriter
from headwater.store.options import SqliteOptions
from headwater.store.port import Standing
from headwater.store.reader import SqliteReader
from headwater.store.sqlite import SqliteWriter
from headwater.wire import codec

A, B, C, E, UNSEEN = 0x1, 0xB, 0x3, 0x4, 0xF
SITE = "default"
T0 = 1_518_047_543_000
NOW_MS = T0 + 10_000
JUDGED = T0 + 100
"""When the judge looked first: all stamps are older."""
FIRST = 0x5A7B9137 << 24
METER, METRIC = "31400010000000000", "010116070000"

WHERE = Context(
    location=Location("berlin", 52.4, 8.1), application="pushDataService", class_name="gatewayServer", line=185
)
ONLY_CTIME = Context(metrics=("ctime",), location=Location("hidden"), application="hidden", line=1)
NO_COORDINATES = Context(location=Location("somewhere"))
AVERAGED = Context(location=Location("berlin", 52.4, 8.1), step="average(2s)")


def log_of(node: int) -> bytes:
    return node.to_bytes(8, "big")


def run(node: int, first: int, count: int) -> IdRun:
    return IdRun(node, FIRST + first, count)


def point(node: int, position: int) -> DataPointId:
    return DataPointId(node, FIRST + position)


def keys(series: int, times: list[int]) -> bytes:
    numbers = np.full(len(times), series, np.int64)
    return codec.keys(codec.encode(numbers, np.array(times, np.int64), np.zeros(len(times))))


def stamped(
    sequence: int,
    made: IdRun,
    inputs: Inputs | None,
    context: Context,
    received_ms: int,
    *,
    origin: Origin,
    entry: int = A,
    keyed: bytes | None = None,
    sent_ms: int | None = None,
    outside: bool = False,
    kind: int = Kind.DATA,
) -> ShippedStamp:
    stamp = Stamp(made, inputs, context.id, received_ms, sent_ms, None, outside)
    return ShippedStamp(sequence, kind, stamp, origin, log_of(entry), keyed)


def report(node: int, time_ms: int = NOW_MS, **changed: object) -> NodeReport:
    fields: dict[str, object] = {
        "node": node,
        "time_ms": time_ms,
        "received": 60,
        "sent": 60,
        "receive_rate": 60.0,
        "send_rate": 58.0,
        "durable": 9,
        "acknowledged": 9,
        "shipped": 8,
        "progress_ms": time_ms,
        "refused": {"malformed": 2},
    }
    return NodeReport(**(fields | changed))  # type: ignore[arg-type]


BOOKS: dict[str, object] = {
    "dropped": {"dropped": 7, "gap": 2},
    "links": (LinkEnd(True, C, "10.0.0.3:50051", 120, sent=1060, delivered=1000, oldest_ms=300),),
}
"""What A reports of its link."""
_CONFIG_A = Config(A, "gatewayA", "10.0.0.3:50051", C, listen="0.0.0.0:50051", location=Location("TU-MAR", 52.51, 0.0))
_SENSOR = Origin(OriginKind.SOURCE, b"sensors1", 100)
_OLD_CLIENT = Origin(OriginKind.ENTRY, log_of(B), 5)
_STEP = Origin(OriginKind.STEP, log_of(C), 4, 1)
_UNKNOWN = Origin(OriginKind.ENTRY, log_of(UNSEEN), 3)


def shipments() -> dict[int, Shipment]:
    """What each node ships."""
    times = [T0 + 1000 * position for position in range(4)]
    return {
        A: Shipment(
            stamps=(stamped(3, run(A, 0, 4), None, WHERE, T0 + 10, origin=_SENSOR, keyed=keys(1, times)),),
            definitions=(Definition(log_of(A), 1, METER, METRIC),),
            contexts=(WHERE,),
            configs=((1, _CONFIG_A),),
        ),
        B: Shipment(
            stamps=(
                stamped(
                    5,
                    run(B, 0, 2),
                    Same(run(0xABCDEF, 0, 2)),
                    ONLY_CTIME,
                    T0 + 11,
                    origin=_OLD_CLIENT,
                    entry=B,
                    keyed=keys(1, times[:2]),
                    outside=True,
                ),
            ),
            definitions=(Definition(log_of(B), 1, "314", "01"),),
            contexts=(ONLY_CTIME,),
            configs=((1, Config(B, "gatewayB", "10.0.0.3:50051", C, location=Location("roof"))),),
        ),
        C: _shipment_of_c(),
        E: Shipment(
            stamps=(
                stamped(3, run(E, 0, 4), Same(run(C, 0, 4)), NO_COORDINATES, T0 + 30, origin=_SENSOR, sent_ms=T0 + 25),
                stamped(4, run(E, 4, 2), Same(run(C, 4, 2)), NO_COORDINATES, T0 + 31, origin=_STEP, entry=C),
                stamped(5, run(E, 6, 2), Same(run(C, 6, 2)), NO_COORDINATES, T0 + 32, origin=_OLD_CLIENT, entry=B),
                stamped(6, run(E, 8, 2), Same(run(C, 8, 2)), NO_COORDINATES, T0 + 33, origin=_UNKNOWN, entry=UNSEEN),
            ),
            contexts=(NO_COORDINATES,),
            configs=((1, Config(E, "endpoint")),),
            losses=((8, Loss("gap", log_of(C), 9, 9, 0, (run(UNSEEN, 1, 1),))),),
        ),
    }


def _shipment_of_c() -> Shipment:
    """What comes together at the gateway in the middle: two sources, a step, and readings of a node that was lost."""
    return Shipment(
        stamps=(
            stamped(3, run(C, 0, 4), Same(run(A, 0, 4)), WHERE, T0 + 20, origin=_SENSOR, sent_ms=T0 + 12),
            stamped(
                4,
                run(C, 4, 2),
                Lists("average", ((run(C, 0, 2),), (run(C, 2, 2),))),
                AVERAGED,
                T0 + 20,
                origin=_STEP,
                entry=C,
                keyed=keys(1, [T0, T0 + 2000]),
                kind=Kind.OUT,
            ),
            stamped(5, run(C, 6, 2), Same(run(B, 0, 2)), WHERE, T0 + 21, origin=_OLD_CLIENT, entry=B),
            stamped(6, run(C, 8, 2), Same(run(UNSEEN, 0, 2)), WHERE, T0 + 22, origin=_UNKNOWN, entry=UNSEEN),
        ),
        definitions=(Definition(log_of(C), 1, METER, f"{METRIC}.average"),),
        contexts=(WHERE, AVERAGED),
        configs=((1, Config(C, "gatewayC", "10.0.0.4:50051", E, steps=("average(2s)",))),),
        losses=((7, Loss("damaged", log_of(UNSEEN), 3, 3, 1, (run(UNSEEN, 1, 1),), ((3, 3),))),),
    )


NAMES = {A: "gatewayA", B: "gatewayB", C: "gatewayC", E: "endpoint"}


def open_writer(folder: Path) -> SqliteWriter:
    return SqliteOptions().open_writer(folder, SITE, lambda: NOW_MS)


def open_reader(folder: Path) -> SqliteReader:
    return SqliteOptions().open_reader(folder, SITE)


def verdicts() -> list[Verdict]:
    """What a judge says of it: nobody has ever heard B, and C's pipeline daemon has its link in trouble."""
    green = [
        Verdict(Subject(part, node), Health.GREEN, JUDGED, "it works")
        for node in (A, C, E)
        for part in (Part.NODE, Part.PIPELINE, Part.PROVENANCE)
    ]
    dead = Verdict(
        Subject(Part.NODE, B), Health.RED, JUDGED + 5, "silent on every path for 2.5 s", doubt="node or link"
    )
    red = [
        Verdict(Subject(part, B, target), Health.RED, JUDGED + 5, "no sign of it", dead.subject)
        for part, target in ((Part.PIPELINE, None), (Part.PROVENANCE, None), (Part.LINK, C))
    ]
    passing = [
        Verdict(Subject(Part.LINK, source, target), Health.GREEN, JUDGED, "it passes data")
        for source, target in ((A, C), (C, E))
    ]
    return [*green, dead, *red, *passing]


def changes() -> list[Change]:
    """How it came to that: everything was found, then B fell silent."""
    found = [Change(number, None, verdict) for number, verdict in enumerate(verdicts(), 1)]
    dead = next(change for change in found if change.verdict.subject == Subject(Part.NODE, B))
    was = msgspec.structs.replace(dead.verdict, health=Health.GREEN, since_ms=JUDGED, evidence="it reports", doubt="")
    return [
        *(msgspec.structs.replace(change, verdict=was) if change is dead else change for change in found),
        Change(len(found) + 1, Health.GREEN, dead.verdict),
    ]


def fill(writer: SqliteWriter, addresses: dict[int, str]) -> None:
    """Ship the whole grid, and judge it; B never reports."""
    for node, shipment in shipments().items():
        writer.hello(SITE, node, log_of(node), NAMES[node], addresses.get(node, ""), NOW_MS)
        writer.add(log_of(node), [(9, shipment)])
        if node != B:
            writer.report(report(node, NOW_MS, **(BOOKS if node == A else {})), NOW_MS)
    with closing(HealthWriter(writer.files)) as health:
        health.keep(Standing(NOW_MS, 2, verdicts()), changes())
