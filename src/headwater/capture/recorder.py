"""The recorder: values with exact provenance, written by a program of your own into a node log of its own."""

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self, SupportsFloat, SupportsIndex, Unpack

from headwater.capture.committer import Committer
from headwater.capture.environment import settings_of
from headwater.capture.intake import Intake
from headwater.capture.levels import OUTERMOST, Level, current_level, inside, level_of_caller
from headwater.capture.options import Options, recorder_options
from headwater.capture.points import Held, Points
from headwater.capture.policy import Code, place_of
from headwater.capture.results import Input, Point, said_of
from headwater.capture.traced import Naming, Tracer
from headwater.capture.traceparent import (
    NO_TRACE,
    parse_traceparent,
    trace_of_environment,
    trace_of_opentelemetry,
)
from headwater.capture.values import INPUTS_MAX, input_points, milliseconds, number, point_of, runs_of
from headwater.log.disk import Disk, RealDisk
from headwater.model.errors import ConfigError, NotFound, Rejected, Unavailable
from headwater.model.ids import DataPointId, format_node
from headwater.model.reading import Reading, SeriesKey, check_key, check_name
from headwater.model.records import Kind
from headwater.model.stamp import SIMPLE, format_traceparent, trace_of

_logger = logging.getLogger(__name__)


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
        self._trace = _inherited_trace()
        context = ("class", "line")
        self._wants_place = self.options.provenance and any(column in self.options.metrics for column in context)
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
        traceparent: str | None = None,
    ) -> DataPointId:
        """Take a measured value; its id. It is durable after `flush`.

        `timestamp` is when it was measured, in ms since the epoch (now); `code` the function that made it, whose
        class and line become its context (those of the level around it, or of the caller); `traceparent` the W3C
        trace that it belongs to (that of the level, of the current OpenTelemetry span, or of the environment).
        Rejected says what is wrong with the value. Unavailable when the disk refuses for longer than the patience:
        the value is not taken then.
        """
        return self._given(Kind.DATA, meter, metric, value, timestamp, code, traceparent)

    def derive(
        self,
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
        """Take a value that was made from others; its id. Like `record` otherwise.

        `inputs` are what it was made from, points or ids, of this recorder or any other node, in an order of your
        choice; one that is named twice counts once. `contribution` says what they contributed, such as "average".
        """
        check_name("contribution", contribution)
        points = input_points(inputs)
        return self._given(Kind.OUT, meter, metric, value, timestamp, code, traceparent, points, contribution)

    @property
    def traced(self) -> Tracer:
        """The decorator `@recorder.traced`: what a function gives is recorded here."""
        return Tracer(lambda: self)

    @property
    def raised(self) -> dict[str, int]:
        """How many calls of traced functions ended in an exception, by function, since this recorder was opened."""
        return self._intake.raised.copy()

    def _given(
        self,
        kind: Kind,
        meter: str,
        metric: str,
        value: SupportsFloat,
        timestamp: SupportsIndex | None,
        code: Code | None,
        traceparent: str | None,
        inputs: Sequence[DataPointId] = (),
        contribution: str = "",
    ) -> DataPointId:
        """Take what a program handed in: the level is what it says here, else the one around it."""
        check_key(meter, metric)
        self._check_open()
        key, double = SeriesKey(meter, metric), number(value)
        time_ms = self._now_ms() if timestamp is None else milliseconds(timestamp)
        level, found = current_level(), False
        if code is not None:
            level = level._replace(place=place_of(code))
        elif level.place is None and self._wants_place:
            here, found = level_of_caller(), True
            level = here if level is OUTERMOST else inside(here, level)
        if traceparent is not None:
            level = level._replace(trace=parse_traceparent(traceparent))
        return self._add(kind, key, time_ms, double, level, inputs, contribution, found=found)

    def _take(self, result: object, naming: Naming, level: Level, inputs: list[Input]) -> Point | None:
        """Take what a traced function gave."""
        if result is None:
            return None
        said = said_of(result)
        named: list[Input] | list[Input | str] = (
            inputs if said.inputs is None else list(islice(said.inputs, INPUTS_MAX + 1))
        )
        points = input_points(named, none_is_fine=True)
        key = SeriesKey(said.meter or level.meter or _meter_of(named, naming), said.metric or naming.metric)
        if said.meter is not None or said.metric is not None:
            check_key(*key)
        self._check_open()
        double = number(said.value)
        time_ms = self._now_ms() if said.timestamp is None else milliseconds(said.timestamp)
        contribution = said.contribution or naming.contribution
        if said.contribution is not None:
            check_name("contribution", contribution)
        if points:
            point = self._add(Kind.OUT, key, time_ms, double, level, points, contribution)
        else:
            point = self._add(Kind.DATA, key, time_ms, double, level)
        return Point(double, point, key.meter, key.metric, time_ms)

    def _count_raised(self, function: str) -> None:
        with self._lock:
            self._intake.count_raised(function)

    def _add(
        self,
        kind: Kind,
        key: SeriesKey,
        time_ms: int,
        double: float,
        level: Level,
        inputs: Sequence[DataPointId] = (),
        contribution: str = "",
        *,
        found: bool = False,
    ) -> DataPointId:
        trace = level.trace or trace_of_opentelemetry() or self._trace
        runs = runs_of(inputs)
        with self._lock:
            intake = self._room()
            maker = intake.maker(kind, level, contribution, found=found)
            behind = self._last_own(inputs) if inputs else 0
            ordinal = intake.add(maker, key, time_ms, double, runs, behind, trace)
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

    def reading(self, point: Point | DataPointId | str) -> Reading:
        """The meter, metric, timestamp and value behind an id of this recorder.

        NotFound when it was never given here, or when its value has left the log (`storagetime_s`, `log_bytes_max`).
        """
        held, position = self._find(point)
        return held.reading(position, self._intake.log.state.series)

    def traceparent(self, point: Point | DataPointId | str) -> str | None:
        """The W3C trace that the value behind an id of this recorder belongs to, if there is one.

        NotFound as for `reading`.
        """
        held, position = self._find(point)
        trace = trace_of(held.stamp, position)
        return format_traceparent(trace) if trace else None

    def inputs(self, point: Point | DataPointId | str) -> tuple[DataPointId, ...]:
        """What the value behind an id of this recorder was made from; nothing for a recorded one.

        NotFound as for `reading`.
        """
        held, position = self._find(point)
        return held.inputs(position)

    def _find(self, wanted: Point | DataPointId | str) -> tuple[Held, int]:
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


def _meter_of(inputs: Iterable[Input | str], naming: Naming) -> str:
    """The meter that all inputs are of; Rejected("meter id") when there is no such one."""
    meters = {point.meter for point in inputs if isinstance(point, Point)}
    if len(meters) == 1:
        return meters.pop()
    raise Rejected(
        "meter id",
        f"what {naming.name} gave is of no meter: name it with @traced(meter=...) or within(meter=...), or give a "
        "result that names it, such as Made(value, meter=...)",
    )


def _inherited_trace() -> bytes:
    """The trace that this process was started in; one that cannot be read is told, and is none."""
    try:
        return trace_of_environment(os.environ)
    except Rejected as error:
        _logger.warning("TRACEPARENT in the environment is not used: %s", error.detail)
        return NO_TRACE
