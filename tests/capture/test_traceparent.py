"""A W3C trace is carried with the values that belong to it, and is no part of their context."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.capture import Recorder, within
from headwater.capture.intake import trace_runs
from headwater.capture.traceparent import parse_traceparent
from headwater.model.errors import Rejected
from headwater.model.ids import IdRun
from headwater.model.stamp import Stamp, TraceRun, format_traceparent, stamp_fault, trace_of
from tests.capture.laboratory import simulated

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OTHER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b8-00"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        TRACE.upper(),
        TRACE + "-more",
        TRACE.replace("00-4b", "ff-4b"),
        "00-" + "0" * 32 + "-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-" + "0" * 16 + "-01",
        TRACE + "\n",
        TRACE.replace("4bf", "٤bf"),
        7,
    ],
)
def test_what_is_no_traceparent_is_refused(text: str) -> None:
    with pytest.raises(Rejected, match="traceparent"):
        parse_traceparent(text)


def test_a_traceparent_is_written_as_it_was_read_and_of_later_versions_what_is_known() -> None:
    assert format_traceparent(parse_traceparent(TRACE)) == TRACE
    later = TRACE.replace("00-4b", "cc-4b")
    assert format_traceparent(parse_traceparent(later + "-what-may-come")) == later


def test_a_value_belongs_to_the_trace_that_is_said_for_it_else_to_that_of_its_level() -> None:
    with simulated() as recorder:
        none = recorder.record("m", "x", 1)
        with within(traceparent=TRACE):
            inherited = recorder.record("m", "x", 1)
            said = recorder.record("m", "x", 1, traceparent=OTHER)
            with within(application="inner"):
                derived = recorder.derive("m", "y", 1, inputs=[said])
            made = recorder.traced(meter="m")(lambda: 1.0)()
        found = [recorder.traceparent(point) for point in (none, inherited, said, derived, made)]
        assert found == [None, TRACE, OTHER, TRACE, TRACE]


def test_traces_make_neither_contexts_nor_batches() -> None:
    with simulated() as recorder:
        points = []
        for number in range(1, 500):
            with within(traceparent=f"00-{number:032x}-{number:016x}-01"):
                points.append(recorder.record("m", "x", number))
        for number, point in enumerate(points, 1):
            assert recorder.traceparent(point) == f"00-{number:032x}-{number:016x}-01"
        assert len(recorder._intake.log.state.contexts) == 1


@contextmanager
def environment(value: str) -> Iterator[None]:
    os.environ["TRACEPARENT"] = value
    try:
        yield
    finally:
        del os.environ["TRACEPARENT"]


def test_a_process_that_was_started_in_a_trace_belongs_to_it() -> None:
    with environment(TRACE), simulated() as recorder:
        assert recorder.traceparent(recorder.record("m", "x", 1)) == TRACE
        with within(traceparent=OTHER):
            assert recorder.traceparent(recorder.record("m", "x", 1)) == OTHER


def test_an_environment_that_cannot_be_read_is_told_and_harms_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with environment("nonsense"), simulated() as recorder:
        assert recorder.traceparent(recorder.record("m", "x", 1)) is None
    assert "TRACEPARENT in the environment is not used: 'nonsense'" in caplog.text


def test_the_current_span_of_opentelemetry_is_carried() -> None:
    trace = pytest.importorskip("opentelemetry.trace")

    def record(recorder: Recorder) -> str | None:
        return recorder.traceparent(recorder.record("m", "x", 1))

    span = trace.NonRecordingSpan(
        trace.SpanContext(0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7, False, trace.TraceFlags(1))
    )
    with simulated() as recorder:
        assert record(recorder) is None
        with trace.use_span(span):
            assert record(recorder) == TRACE
            with within(traceparent=OTHER):
                assert record(recorder) == OTHER
        assert record(recorder) is None


@given(st.lists(st.sampled_from([b"", b"a" * 26, b"b" * 26]), min_size=1, max_size=40))
def test_runs_give_back_the_trace_of_each_value(traces: list[bytes]) -> None:
    stamp = Stamp(IdRun(1, 1 << 24, len(traces)), None, b"contexts", 0, traces=trace_runs(traces))
    assert [trace_of(stamp, position) for position in range(len(traces))] == traces
    assert stamp_fault(stamp) is None


@pytest.mark.parametrize("wrong", [((2, 26),), ((1, 1),), ((2, 0), (-1, 0))])
def test_a_stamp_whose_traces_cannot_be_is_at_fault(wrong: tuple[tuple[int, int], ...]) -> None:
    traces = tuple(TraceRun(count, bytes(length)) for count, length in wrong)
    assert stamp_fault(Stamp(IdRun(1, 1 << 24, 1), None, b"contexts", 0, traces=traces)) is not None
