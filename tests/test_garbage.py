"""The garbage collector looks again and again neither at values nor at what a daemon began with."""

import gc
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headwater.config.ports import free_ports
from headwater.model.ids import IdRun
from headwater.model.records import Batch, Trigger
from headwater.model.shipment import Shipment, ShippedStamp
from headwater.model.stamp import Lists, Origin, Same, Select, Stamp, TraceRun

# Tells, with the line that says that a daemon answers, how many objects are kept out of collections.
TELLING = """
import gc, logging, sys
from headwater.cli.main import main

class Telling(logging.Handler):
    def emit(self, record):
        if " on port " in record.getMessage():
            print(gc.get_freeze_count(), flush=True)

logging.getLogger("headwater").addHandler(Telling())
main(sys.argv[1:])
"""


def test_no_value_of_a_batch_is_tracked() -> None:
    run = IdRun(1, 2, 3)
    inputs = (Same(run), Select(run, b"\7"), Lists("average", ((run,),)))
    stamp = Stamp(run, inputs[0], b"context1", 4, traces=(TraceRun(3, b""),))
    origin = Origin(0, b"source01", 1)
    shipped = ShippedStamp(5, 1, stamp, origin, b"entrylog", None)
    values = (*inputs, run, stamp, *stamp.traces, origin, shipped, Shipment((shipped,)), Trigger(1, 2))
    batch = Batch(origin, b"entrylog", 3, b"payload", stamp)

    assert [value for value in (*values, batch) if gc.is_tracked(value)] == []


def test_what_a_daemon_begins_with_is_kept_out_of_collections(tmp_path: Path) -> None:
    node = ("--node", "000001", "--data", str(tmp_path))
    with kept("gateway", *node, "--port", str(free_ports(1)[0])) as gateway:
        assert gateway > 10_000
    with kept("agent", *node, "--listen", f"127.0.0.1:{free_ports(1)[0]}") as agent:
        assert agent > 10_000


@contextmanager
def kept(*arguments: str) -> Iterator[int]:
    """A daemon that answers; how many objects it keeps out."""
    with subprocess.Popen([sys.executable, "-c", TELLING, *arguments], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()
            process.wait(30)
