"""The endpoint: the pipeline daemon, and an eye on when readings are durable there."""

import argparse
import asyncio
import os
import time
from pathlib import Path

import numpy as np

from benchmarks.grid import told
from headwater.cli import lifeline
from headwater.model.records import Kind
from headwater.node import wall_ms
from headwater.pipeline.daemon import Daemon
from headwater.pipeline.options import GatewayOptions
from headwater.wire import codec
from headwater.wire.records import decode_batch


class Eye:
    """Sees readings become durable; with `timed`, how long each took, by the microseconds in its timestamp."""

    def __init__(self, daemon: Daemon, warm: int, readings: int, timed: bool) -> None:
        self._daemon = daemon
        self._reader = daemon.log.reader(0)
        self._warm, self._end = warm, warm + readings
        self._timed = timed
        self._total = 0
        self._took_us: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []

    def look(self) -> None:
        """Take in what is durable now."""
        now_ns, before = time.monotonic_ns(), self._total
        while records := self._reader.read(256).records:
            for record in records:
                if self._timed and record.kind == Kind.DATA and record.total > self._warm:
                    self._took_us.append(now_ns // 1000 - codec.decode(decode_batch(record).payload).timestamps)
            self._total = records[-1].total
        if before < self._warm <= self._total:
            told.tell(warm=True)
        if before < self._end <= self._total:
            told.tell(durable_ns=now_ns, **self._latency())

    def _latency(self) -> dict[str, float]:
        if not self._timed:
            return {}
        took_ms = np.concatenate(self._took_us) / 1000
        return {f"p{part}_ms": float(np.percentile(took_ms, part)) for part in (50, 95, 99)}


async def run(options: GatewayOptions, warm: int, readings: int, timed: bool) -> None:
    """Serve until killed."""
    daemon = Daemon(options, wall_ms)
    daemon.committer.after.append(Eye(daemon, warm, readings, timed).look)
    async with daemon.serving():
        told.tell(serving=True)
        await asyncio.Event().wait()


def main() -> None:
    lifeline.hold(os.environ)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--warm", type=int, required=True)
    parser.add_argument("--readings", type=int, required=True)
    parser.add_argument("--timed", action="store_true")
    parser.add_argument("--no_prov", action="store_true")
    given = parser.parse_args()
    options = GatewayOptions(
        node=2, name="endpoint", listen=given.listen, data=given.data, provenance=not given.no_prov
    )
    asyncio.run(run(options, given.warm, given.readings, given.timed))


if __name__ == "__main__":
    main()
