"""What a recorder promises to the program that records."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.capture import DataPointId, Location, Reading, Recorder
from headwater.log.survey import body_of
from headwater.model.context import ALL_METRICS, Context
from headwater.model.errors import ConfigError, NotFound, Rejected, Unavailable
from headwater.model.ids import parse_id
from headwater.model.records import Batch, Kind
from headwater.model.stamp import Origin, OriginKind
from headwater.wire.records import decode_batch
from tests.capture.laboratory import NODE, NOW_MS, bits, double, simulated
from tests.simulation.disk import SimDisk

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
TIMES = st.integers(-(1 << 63), (1 << 63) - 1)
ODD = (1 << 63, 1, 0x7FF0_0000_0000_0000, 0x7FF0_0000_0000_0001, 0x7FF8_0000_0000_0000, 0xFFFF_FFFF_FFFF_FFFF)
DOUBLES = st.one_of(st.sampled_from(ODD), st.integers(0, (1 << 64) - 1)).map(double)


def batches(recorder: Recorder) -> list[Batch]:
    """The durable batches, in log order."""
    found = [body_of(record) for record in recorder._intake.log.reader(0).read(10_000).records]
    return [body for body in found if isinstance(body, Batch)]


def contexts(recorder: Recorder) -> dict[bytes, Context]:
    return recorder._intake.log.state.contexts


@given(st.lists(st.tuples(NAMES, NAMES, DOUBLES, TIMES), min_size=1, max_size=50))
def test_every_value_is_read_back_bit_for_bit(values: list[tuple[str, str, float, int]]) -> None:
    with simulated() as recorder:
        ids = [recorder.record(meter, metric, value, timestamp=time) for meter, metric, value, time in values]
        for point, (meter, metric, value, time) in zip(ids, values, strict=True):
            found = recorder.reading(point)
            assert (found.meter, found.metric, found.timestamp) == (meter, metric, time)
            assert bits(found.value) == bits(value)


def test_a_derived_value_names_exactly_its_inputs_in_their_order() -> None:
    elsewhere = DataPointId(0x3, 77 << 24)
    with simulated() as recorder:
        one, two, three = (recorder.record("m", "power", value) for value in (1.0, 2.0, 3.0))
        mean = recorder.derive("m", "power.mean", 2.0, inputs=[three, str(one), elsewhere, two], contribution="average")
        assert recorder.inputs(mean) == (three, one, elsewhere, two)
        assert recorder.inputs(one) == ()
        assert recorder.reading(str(mean)) == Reading("m", "power.mean", NOW_MS, 2.0)


def test_an_input_named_twice_counts_once() -> None:
    with simulated() as recorder:
        one, two = recorder.record("m", "x", 1), recorder.record("m", "x", 2)
        assert recorder.inputs(recorder.derive("m", "y", 3, inputs=[two, one, str(two), one])) == (two, one)


def test_a_value_may_be_made_from_derived_ones_and_from_more_than_a_batch_holds() -> None:
    with simulated() as recorder:
        ids = [recorder.record("m", "x", value) for value in range(10_000)]
        total = recorder.derive("m", "total", 1, inputs=ids, contribution="sum")
        again = recorder.derive("m", "again", 1, inputs=[total, ids[0]])
        assert recorder.inputs(total) == tuple(ids)
        assert recorder.inputs(again) == (total, ids[0])


def test_a_value_is_stamped_with_where_and_by_what_it_was_made() -> None:
    with simulated(name="lab", location=Location("bench 3", 52.5, 13.3), application="tariffs") as recorder:
        recorder.record("m", "x", 1, code=NAMES.example)
        recorder.flush()
        (batch,) = batches(recorder)
        assert batch.stamp is not None
        context = contexts(recorder)[batch.stamp.context]
        assert (context.location, context.application) == (Location("bench 3", 52.5, 13.3), "tariffs")
        assert context.class_name is not None
        assert context.class_name.endswith("SearchStrategy")
        assert context.line == type(NAMES).example.__code__.co_firstlineno
        assert batch.stamp.received_ms == NOW_MS


@pytest.mark.parametrize("metrics", [(), ("ctime",), ("loc", "app"), ALL_METRICS[::-1]])
def test_any_subset_of_the_context_is_recorded(metrics: tuple[str, ...]) -> None:
    with simulated(metrics=metrics, location=Location("here"), application="app") as recorder:
        recorder.record("m", "x", 1, code=simulated)
        recorder.flush()
        (context,) = contexts(recorder).values()
        assert context.metrics == metrics
        assert (context.location is not None) == ("loc" in metrics)
        assert (context.application is not None) == ("app" in metrics)
        assert (context.class_name is not None) == ("class" in metrics)
        assert (context.line is not None) == ("line" in metrics)


def test_recorded_and_derived_values_enter_here_each_in_its_kind_of_record() -> None:
    with simulated() as recorder:
        for _ in range(3):
            recorder.derive("m", "y", 2, inputs=[recorder.record("m", "x", 1)])
        recorder.flush()
        log = recorder._intake.log
        held = {Kind.DATA: 0, Kind.OUT: 0}
        for record in log.reader(0).read(99).records:
            if record.kind in held:
                batch = decode_batch(record)
                assert batch.stamp is not None
                assert (batch.stamp.inputs is None) == (record.kind == Kind.DATA)
                assert batch.origin == Origin(OriginKind.ENTRY, log.log, record.sequence)
                assert batch.trigger is None
                held[Kind(record.kind)] += batch.count
        assert held == {Kind.DATA: 3, Kind.OUT: 3}


def test_without_provenance_the_program_runs_unchanged_and_nothing_is_stamped() -> None:
    with simulated(provenance=False) as recorder:
        one = recorder.record("m", "x", 1)
        two = recorder.derive("m", "y", 2, inputs=[one])
        recorder.flush()
        three = recorder.derive("m", "y", 3, inputs=[one, two])
        recorder.flush()
        assert len({one, two, three}) == 3
        assert sum(batch.count for batch in batches(recorder)) == 3
        assert all(batch.stamp is None for batch in batches(recorder))
        with pytest.raises(NotFound, match="provenance off"):
            recorder.reading(one)


def test_ids_are_unique_over_restarts_with_a_clock_that_goes_back() -> None:
    disk, clock, seen = SimDisk(), [NOW_MS], list[DataPointId]()
    for step_ms in (0, -3_600_000, 90_000, -1):
        clock[0] += step_ms
        with simulated(disk, lambda: clock[0]) as recorder:
            for value in range(3):
                seen.append(recorder.record("m", "x", value))
                clock[0] -= 20_000
                recorder.flush()
    assert len(set(seen)) == len(seen)
    assert seen == sorted(seen, key=lambda point: point.ordinal)


def test_what_was_recorded_before_a_restart_is_still_answered(tmp_path: Path) -> None:
    with Recorder(tmp_path, node=NODE) as recorder:
        one = recorder.record("m", "x", 1.5, timestamp=5)
    with Recorder(tmp_path, node=NODE) as recorder:
        two = recorder.derive("m", "y", 3.0, inputs=[one], timestamp=6)
        assert recorder.reading(one) == Reading("m", "x", 5, 1.5)
        assert recorder.inputs(two) == (one,)


def test_an_id_that_was_never_given_is_not_found_and_cannot_be_an_input() -> None:
    with simulated() as recorder:
        one = recorder.record("m", "x", 1)
        coming = one._replace(ordinal=one.ordinal + 1)
        far = one._replace(ordinal=one.ordinal + (1 << 40))
        for missing in (coming, far):
            with pytest.raises(Rejected, match="was not given to any value yet"):
                recorder.derive("m", "y", 2, inputs=[one, missing])
            with pytest.raises(NotFound, match=str(missing)):
                recorder.reading(missing)
        with pytest.raises(NotFound, match="of node 000003"):
            recorder.inputs(parse_id("5a7b91370003c6000003"))


def test_what_is_refused_leaves_nothing_behind() -> None:
    with simulated() as recorder:
        for wrong in ({"value": "1"}, {"timestamp": 1.5}, {"meter": ""}):
            with pytest.raises(Rejected):
                recorder.record(**{"meter": "m", "metric": "x", "value": 1, **wrong})  # type: ignore[arg-type]
        with pytest.raises(Rejected):
            recorder.derive("m", "y", 1, inputs=[])
        with pytest.raises(Rejected):
            recorder.derive("m", "y", 1, inputs=[recorder.record("m", "x", 1)], contribution="")
        recorder.flush()
        assert [batch.count for batch in batches(recorder)] == [1]


def test_more_than_one_place_is_kept_apart_and_their_number_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headwater.capture.intake.CONTEXTS_MAX", 2)
    with simulated() as recorder:
        recorder.record("m", "x", 1, code=batches)
        recorder.record("m", "x", 1, code=contexts)
        recorder.record("m", "x", 1, code=batches)
        with pytest.raises(Rejected, match="2 contexts are in use"):
            recorder.record("m", "x", 1, code=simulated)
        recorder.flush()
        assert sorted(batch.count for batch in batches(recorder)) == [1, 2]


def test_a_folder_has_one_recorder_and_belongs_to_one_node(tmp_path: Path) -> None:
    with Recorder(tmp_path, node=NODE) as recorder:
        with pytest.raises(Unavailable, match="already has a writer"):
            Recorder(tmp_path, node=NODE)
        recorder.record("m", "x", 1)
    with pytest.raises(ConfigError, match="holds the log of node 0000a1, not of 0000a2"):
        Recorder(tmp_path, node="0000a2")
    Recorder(tmp_path, node=NODE).close()


def test_a_closed_recorder_says_so_and_closing_twice_is_nothing() -> None:
    recorder = simulated()
    point = recorder.record("m", "x", 1)
    recorder.close()
    recorder.close()
    assert recorder.closed
    for call in (recorder.flush, lambda: recorder.record("m", "x", 1), lambda: recorder.reading(point)):
        with pytest.raises(Unavailable, match="is closed"):
            call()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"node": "a1"}, "node: 'a1' is not a node id"),
        ({"node": 1 << 24}, r"node = 16777216: Expected `int` <= 16777215"),
        ({"name": ""}, "name = : Expected `str` of length >= 1"),
        ({"log_bytes_max": 5}, r"log_bytes_max = 5: Expected `int` >= 2097152"),
        ({"log_bytes_max": 4 << 20}, "at least twice segment_bytes = 67108864"),
        ({"metrics": ("power",)}, '"power" is not a metric'),
        ({"colour": "red"}, "unknown field `colour`"),
        ({"location": "bench 3"}, "location = bench 3: Expected"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(tmp_path: Path, changed: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Recorder(tmp_path, **{"node": NODE, **changed})  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="file/log cannot be used"):
        Recorder(tmp_path / "file", node=NODE)
