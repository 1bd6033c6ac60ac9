"""A process beside a test: reads while the test writes, or writes until the test kills it."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from headwater.model.ids import DataPointId
from headwater.model.shipment import Shipment
from headwater.store.options import SqliteOptions
from tests.store.grids import SITE, keys_of, log_of, point, run, stamped

STATES = 100


def read(folder: Path) -> None:
    """Check answers until the store was seen with many different numbers of data points."""
    reader = SqliteOptions().open_reader(folder, SITE)
    seen = set[int]()
    while len(seen) < STATES:
        seen.add(reader.totals()["stamps"])
        for newest in reader.last_of(2, 3):
            parent = DataPointId(1, newest.id.ordinal)
            assert list(reader.backward([newest.id])) == [newest.id, parent], newest
            assert list(reader.forward([parent])) == [parent, newest.id], newest
    ids = [point(1, at) for at in range(STATES // 2)]
    assert list(reader.points(ids)) == ids
    reader.close()


def write(folder: Path) -> None:
    """Add a batch at a time, and say how far it has got once that is confirmed."""
    writer = SqliteOptions().open_writer(folder, SITE, lambda: time.time_ns() // 1_000_000)
    last = writer.hello(SITE, 1, log_of(1), "node1", "", 0)
    while True:
        last += 1
        stamp = stamped(run(1, last, 1), keys=keys_of([1], [last]), sequence=last)
        writer.add(log_of(1), [(last, Shipment((stamp,)))])
        print(last, flush=True)


if __name__ == "__main__":
    {"read": read, "write": write}[sys.argv[1]](Path(sys.argv[2]))
