"""The recorder: values with exact provenance, written by a program of your own into a node log of its own."""

import atexit
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, SupportsFloat, SupportsIndex, Unpack

from headwater.capture.committer import Committer
from headwater.capture.environment import settings_of
from headwater.capture.intake import Intake
from headwater.capture.options import Options, recorder_options
from headwater.capture.points import Held, Points
from headwater.capture.policy import Code
from headwater.capture.values import input_points, milliseconds, number, point_of, runs_of
from headwater.log.disk import Disk, RealDisk
from headwater.model.errors import ConfigError, NotFound, Rejected, Unavailable
from headwater.model.ids import DataPointId, format_node
from headwater.model.reading import Reading, SeriesKey, check_key, check_name
from headwater.model.records import Kind
from headwater.model.stamp import SIMPLE


def wall_ms() -> int:
    """The wall clock in ms since the epoch."""
    return time.time_ns() // 1_000_000


class Recorder:
    """Writes one node's log. Safe to use from many threads; leaving its block makes everything durable.

    `data` is the node's folder, to be given to `headwater agent` too; `node` its id, 6 hex digits that no other node
    of the site has; `Options` the rest. `now_ms` and `disk` take the place of the wall clock and of `data`/log.
    Raises ConfigError when an option cannot be used or the folder belongs to another node, Unavailable when another
    process writes there or the disk refuses.
    """

    def __init__(
        self,
        data: str | Path,
        *,
        node: str | int,
        now_ms: Callable[[], int] = wall_ms,
        disk: Disk | None = None,
        **options: Unpack[Options],
    ) -> None:
        self.options = recorder_options(data, node, options)
        self._now_ms = now_ms
        self._disk = _open_folder(self.options.log) if disk is None else disk
        try:
            self._intake = Intake(self.options, self._disk, now_ms)
        except BaseException:
            self._disk.close()
            raise
        self._points = Points(self._disk, self._intake.log)
        self._looking = threading.Lock()
        self._lock = threading.Lock()
        self._process: int | None = os.getpid()
        """None when closed."""
        self._committer = Committer(self._intake, self._lock)
        atexit.register(self.close)

    @classmethod
    def from_environment(
        cls, data: str | Path, environment: Mapping[str, str] | None = None, **options: Unpack[Options]
    ) -> Self:
        """A recorder with the node, name and metrics of a 2018 configuration; `options` say the rest.

        The configuration is in environment variables with CONF_LOC=EVAR, else in the properties file that
        `provenance_properties` names. ConfigError when neither is there, or one cannot be used.
        """
        settings = settings_of(os.environ if environment is None else environment)
        given: Options = {"name": settings.name, "metrics": settings.metrics, **options}
        return cls(data, node=settings.node, **given)

    # ---- recording ---------------------------------------------------------------------------------------------------

    def record(
        self,
        meter: str,
        metric: str,
        value: SupportsFloat,
        *,
        timestamp: SupportsIndex | None = None,
        code: Code | None = None,
    ) -> DataPointId:
        """Take a measured value; its id. It is durable after `flush`.

        `timestamp` is when it was measured, in ms since the epoch (now); `code` the function that made it, whose
        class and line become its context. Rejected says what is wrong with the value. Unavailable when the disk
        refuses for longer than the patience: the value is not taken then.
        """
        return self._add(Kind.DATA, meter, metric, value, timestamp, code)

    def derive(
        self,
        meter: str,
        metric: str,
        value: SupportsFloat,
        *,
        inputs: Iterable[DataPointId | str],
        contribution: str = SIMPLE,
        timestamp: SupportsIndex | None = None,
        code: Code | None = None,
    ) -> DataPointId:
        """Take a value that was made from others; its id. Like `record` otherwise.

        `inputs` are the ids of what it was made from, of this recorder or any other node, in an order of your
        choice; one that is named twice counts once. `contribution` says what they contributed, such as "average".
        """
        check_name("contribution", contribution)
        return self._add(Kind.OUT, meter, metric, value, timestamp, code, input_points(inputs), contribution)

    def _add(
        self,
        kind: Kind,
        meter: str,
        metric: str,
        value: SupportsFloat,
        timestamp: SupportsIndex | None,
        code: Code | None,
        inputs: Sequence[DataPointId] = (),
        contribution: str = "",
    ) -> DataPointId:
        check_key(meter, metric)
        self._check_open()
        key, double = SeriesKey(meter, metric), number(value)
        time_ms = self._now_ms() if timestamp is None else milliseconds(timestamp)
        with self._lock:
            intake = self._room()
            maker = intake.maker(kind, code, contribution)
            ordinal = intake.add(maker, key, time_ms, double, runs_of(inputs), self._last_own(inputs))
            self._committer.ask()
        return DataPointId(self.options.node, ordinal)

    def _room(self) -> Intake:
        """The intake, once there is room for one more value."""
        intake = self._intake
        if not intake.room:
            self._committer.wait(lambda: intake.room, self.options.patience_s, count_failing=True)
            self._check_open()
        return intake

    def _last_own(self, points: Iterable[DataPointId]) -> int:
        """The newest of the ids that are of this node, as an ordinal; 0 without any."""
        own = [point.ordinal for point in points if point.node == self.options.node]
        for ordinal in own:
            if not self._intake.given(ordinal):
                raise Rejected("inputs", f"{DataPointId(self.options.node, ordinal)} was not given to any value yet")
        return max(own, default=0)

    # ---- making durable ----------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Wait until everything recorded so far is durable; Unavailable when that takes longer than the patience."""
        self._check_open()
        with self._lock:
            self._flush()

    def _flush(self) -> None:
        intake = self._intake
        intake.seal()
        last = intake.log.state.sequence
        if intake.log.durable < last:
            self._committer.wait(lambda: intake.log.durable >= last, self.options.patience_s)

    def close(self) -> None:
        """Flush, and give the folder up; nothing happens the second time, or in a forked process.

        Unavailable when the disk refuses: what was not durable is lost.
        """
        if self._process != os.getpid():
            return
        with self._lock:
            closed, self._process = self._process is None, None
        if closed:
            return
        atexit.unregister(self.close)
        try:
            with self._lock:
                self._flush()
        finally:
            self._committer.stop()
            self._intake.log.close()
            self._disk.close()

    @property
    def closed(self) -> bool:
        return self._process is None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._process is None:
            raise Unavailable("the recorder is closed: open another one")
        if self._process != os.getpid():
            raise Unavailable("the recorder belongs to the process that opened it: open one here, as another node")

    # ---- asking ------------------------------------------------------------------------------------------------------

    def reading(self, point: DataPointId | str) -> Reading:
        """The meter, metric, timestamp and value behind an id of this recorder.

        NotFound when it was never given here, or when its value has left the log (`storagetime_s`, `log_bytes_max`).
        """
        held, position = self._find(point)
        return held.reading(position, self._intake.log.state.series)

    def inputs(self, point: DataPointId | str) -> tuple[DataPointId, ...]:
        """What the value behind an id of this recorder was made from; nothing for a recorded one.

        NotFound as for `reading`.
        """
        held, position = self._find(point)
        return held.inputs(position)

    def _find(self, wanted: DataPointId | str) -> tuple[Held, int]:
        point = point_of(wanted)
        if point.node != self.options.node:
            raise NotFound(f"{point} is of node {format_node(point.node)}: ask there, or the API")
        self.flush()
        try:
            with self._looking:
                return self._points.find(point.ordinal)
        except NotFound as error:
            why = error if self.options.provenance else "with provenance off ids name nothing"
            raise NotFound(f"{point}: {why}") from None


def _open_folder(folder: Path) -> Disk:
    try:
        return RealDisk(folder)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be used: {error.strerror}") from error
