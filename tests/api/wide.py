"""A store in which one value is the average of 10,000 readings of eight meters, so that its lineage is known.

    A 000001 ─┐
              ├─► C 000003 (averages all it gets) ─► E 000004
    B 00000b ─┘

A has four meters, one of which is called like a script; B has the other four.
"""

import numpy as np

from headwater.model.ids import DataPointId, IdRun
from headwater.model.records import Config, Definition, Kind
from headwater.model.shipment import Shipment
from headwater.model.stamp import Lists, Origin, OriginKind, Same
from headwater.store.sqlite import SqliteWriter
from headwater.wire import codec
from tests.api.grid import AVERAGED, NOW_MS, SITE, T0, WHERE, A, B, C, E, keys, log_of, point, run, stamped

EACH = 5_000
METERS = {
    A: ("<script>window.hacked = true</script>", "meter-2", "meter-3", "meter-4"),
    B: ("meter-5", "meter-6", "meter-7", "meter-8"),
}
METRIC = "power"
AVERAGE, DELIVERED = point(C, 2 * EACH), point(E, 0)
NAMES = {A: "gatewayA", B: "gatewayB", C: "gatewayC", E: "endpoint"}


def entered(node: int, position: int) -> DataPointId:
    """The reading at a position of what entered at A or B."""
    return point(node, position)


def meter_of(node: int, position: int) -> str:
    """Meters take turns."""
    return METERS[node][position % 4]


def _keys(series: list[int], times: list[int]) -> bytes:
    return codec.keys(codec.encode(np.array(series, np.int64), np.array(times, np.int64), np.zeros(len(times))))


def _entry(node: int) -> Shipment:
    times = [T0 + 100 * position for position in range(EACH)]
    series = [1 + position % 4 for position in range(EACH)]
    origin = Origin(OriginKind.SOURCE, b"sensor" + node.to_bytes(2, "big"), 0)
    stamp = stamped(9, run(node, 0, EACH), None, WHERE, T0 + 10, origin=origin, entry=node, keyed=_keys(series, times))
    definitions = tuple(Definition(log_of(node), 1 + at, meter, METRIC) for at, meter in enumerate(METERS[node]))
    config = Config(node, NAMES[node], "10.0.0.3:50051", C)
    return Shipment(stamps=(stamp,), definitions=definitions, contexts=(WHERE,), configs=((1, config),))


def shipments() -> dict[int, Shipment]:
    """What each node ships."""
    origins = {node: Origin(OriginKind.SOURCE, b"sensor" + node.to_bytes(2, "big"), 0) for node in (A, B)}
    made = Origin(OriginKind.STEP, log_of(C), 4, 1)
    inputs: tuple[IdRun, ...] = (run(C, 0, EACH), run(C, EACH, EACH))
    return {
        A: _entry(A),
        B: _entry(B),
        C: Shipment(
            stamps=(
                *(
                    stamped(3 + at, run(C, at * EACH, EACH), Same(run(node, 0, EACH)), WHERE, T0 + 20 + 10 * at,
                            origin=origins[node], entry=node, sent_ms=T0 + 15)
                    for at, node in enumerate((A, B))
                ),
                stamped(5, run(C, 2 * EACH, 1), Lists("average", (inputs,)), AVERAGED, T0 + 40, origin=made, entry=C,
                        keyed=keys(1, [T0]), kind=Kind.OUT),
            ),
            definitions=(Definition(log_of(C), 1, "all", f"{METRIC}.average"),),
            contexts=(WHERE, AVERAGED),
            configs=((1, Config(C, "gatewayC", "10.0.0.4:50051", E, steps=("average(2s)",))),),
        ),
        E: Shipment(
            stamps=(
                stamped(3, run(E, 0, 1), Same(run(C, 2 * EACH, 1)), WHERE, T0 + 50, origin=made, entry=C,
                        sent_ms=T0 + 45),
            ),
            contexts=(WHERE,),
            configs=((1, Config(E, "endpoint")),),
        ),
    }  # fmt: skip


def fill(writer: SqliteWriter, addresses: dict[int, str]) -> None:
    """Ship all of it."""
    for node, shipment in shipments().items():
        writer.hello(SITE, node, log_of(node), NAMES[node], addresses.get(node, ""), NOW_MS)
        writer.add(log_of(node), [(9, shipment)])
