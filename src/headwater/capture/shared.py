"""The one recorder that all modules of a program share, for those that want none to pass around."""

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import SupportsFloat, SupportsIndex, Unpack

from headwater.capture.options import Options
from headwater.capture.policy import Code
from headwater.capture.recorder import Recorder
from headwater.capture.results import Point
from headwater.capture.traced import Tracer
from headwater.model.errors import ConfigError
from headwater.model.ids import DataPointId
from headwater.model.stamp import SIMPLE

_changing = threading.Lock()
_open: list[Recorder] = []
"""The shared recorder, when there is one."""


def configure(data: str | Path, *, node: str | int | None = None, **options: Unpack[Options]) -> Recorder:
    """Open the shared recorder, with the arguments of `Recorder`; it is flushed and closed when the program ends.

    Without a node its id, name and metrics come from a 2018 configuration (`Recorder.from_environment`). ConfigError
    when the shared recorder is open already, and as `Recorder` raises it.
    """
    with _changing:
        if _open and not _open[0].closed:
            raise ConfigError(f"this program records in {_open[0].options.data} already: close() ends that")
        if node is None:
            _open[:] = [Recorder.from_environment(data, **options)]
        else:
            _open[:] = [Recorder(data, node=node, **options)]
        return _open[0]


def record(
    meter: str,
    metric: str,
    value: SupportsFloat,
    *,
    timestamp: SupportsIndex | None = None,
    code: Code | None = None,
    traceparent: str | None = None,
) -> DataPointId:
    """`Recorder.record` of the shared recorder; ConfigError before `configure`."""
    return _recorder().record(meter, metric, value, timestamp=timestamp, code=code, traceparent=traceparent)


def derive(
    meter: str,
    metric: str,
    value: SupportsFloat,
    *,
    inputs: Iterable[Point | DataPointId | str],
    contribution: str = SIMPLE,
    timestamp: SupportsIndex | None = None,
    code: Code | None = None,
    traceparent: str | None = None,
) -> DataPointId:
    """`Recorder.derive` of the shared recorder; ConfigError before `configure`."""
    return _recorder().derive(
        meter,
        metric,
        value,
        inputs=inputs,
        contribution=contribution,
        timestamp=timestamp,
        code=code,
        traceparent=traceparent,
    )


def flush() -> None:
    """`Recorder.flush` of the shared recorder; ConfigError before `configure`."""
    _recorder().flush()


def close() -> None:
    """Close the shared recorder, if there is one."""
    with _changing:
        for recorder in _open:
            recorder.close()
        _open.clear()


def _recorder() -> Recorder:
    if not _open:
        raise ConfigError('nothing is recorded yet: call capture.configure("var/lab", node="0000a1") first')
    return _open[0]


traced = Tracer(_recorder)
"""`Recorder.traced` of the shared recorder: ConfigError when a function is called before `configure`."""
