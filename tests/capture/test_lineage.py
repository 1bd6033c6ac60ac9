"""What was recorded and derived, as the store answers it: shipped from the log, without any gateway."""

import tempfile
from pathlib import Path
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.agent.shipper import Shipper
from headwater.capture import DataPointId, Location, Recorder
from headwater.model.context import ALL_METRICS
from headwater.model.records import Kind
from headwater.model.stamp import SIMPLE
from headwater.store.options import SqliteOptions
from headwater.store.port import DataPoint, Edge, Reader
from tests.capture.laboratory import NODE, NOW_MS, simulated

Made = dict[DataPointId, tuple[tuple[DataPointId, ...], str]]
"""What the program itself noted of each value: its inputs and their contribution."""


class Derivation(NamedTuple):
    """A value to derive."""

    contribution: str
    back: list[int]
    """How many values before it each input was."""
    written: bool
    """The inputs are named by their digits."""


Step = str | Derivation
RECORD, FLUSH = "record", "flush"
CONTRIBUTIONS = st.sampled_from([SIMPLE, "average", "Anteil größer 5 %"])
STEPS = st.lists(
    st.one_of(
        st.just(RECORD),
        st.just(FLUSH),
        st.builds(Derivation, CONTRIBUTIONS, st.lists(st.integers(0, 40), min_size=1, max_size=5), st.booleans()),
    ),
    min_size=1,
    max_size=60,
)


def shipped(recorder: Recorder, folder: Path) -> Reader:
    """A reader of a store that has been sent all stamps of a recorder's log."""
    log = recorder._intake.log
    writer = SqliteOptions().open_writer(folder, "default", lambda: NOW_MS)
    writer.hello("default", recorder.options.node, log.log, recorder.options.name, "127.0.0.1:1", NOW_MS)
    shipper = Shipper(recorder._disk, 256)
    while (group := shipper.group()) is not None:
        writer.add(log.log, [(group.last, group.shipment)])
    writer.close()
    return SqliteOptions().open_reader(folder, "default")


def performed(recorder: Recorder, steps: list[Step]) -> Made:
    made: Made = {}
    for number, step in enumerate(steps):
        points = list(made)
        if step == FLUSH:
            recorder.flush()
        elif step == RECORD or not points:
            made[recorder.record(f"m{number % 3}", "x", number)] = (), SIMPLE
        else:
            assert isinstance(step, Derivation)
            contribution, back, written = step
            inputs = tuple(dict.fromkeys(points[-1 - at % len(points)] for at in back))
            named = [str(point) if written else point for point in inputs]
            point = recorder.derive("m", "y", number, inputs=named, contribution=contribution, code=performed)
            made[point] = inputs, contribution
    recorder.flush()
    return made


def reached(made: Made, point: DataPointId) -> set[DataPointId]:
    found, waiting = set[DataPointId](), [point]
    while waiting:
        at = waiting.pop()
        if at not in found:
            found.add(at)
            waiting += made[at][0]
    return found


def edges(point: DataPoint) -> list[Edge]:
    return list(point.inputs)


@settings(max_examples=40)
@given(STEPS)
def test_lineage_is_acyclic_complete_and_what_the_program_did(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder, simulated() as recorder:
        made = performed(recorder, [RECORD, *steps])
        reader = shipped(recorder, Path(folder))
        try:
            stored = reader.points(list(made))
            assert stored.keys() == made.keys()
            for point, (inputs, contribution) in made.items():
                assert edges(stored[point]) == [Edge(each, contribution) for each in inputs]
                assert recorder.inputs(point) == inputs
                assert all(each.ordinal < point.ordinal for each in inputs)
            last = list(made)[-1]
            assert reader.backward([last]).keys() == reached(made, last)
            outputs = {point: set(edges) for point, (_, edges) in reader.forward(list(made)).items()}
            for point in made:
                expected = {Edge(other, name) for other, (inputs, name) in made.items() if point in inputs}
                assert outputs[point] == expected
        finally:
            reader.close()


def test_the_store_knows_of_each_value_what_the_recorder_was_told(tmp_path: Path) -> None:
    with simulated(name="lab", location=Location("bench 3"), application="tariffs") as recorder:
        one = recorder.record("m", "power", 1.5, timestamp=123)
        two = recorder.derive("m", "power.double", 3.0, inputs=[one], timestamp=456, contribution="factor")
        recorder.flush()
        reader = shipped(recorder, tmp_path)
        points = reader.backward([two])
        reader.close()
    assert [points[one].key, points[one].timestamp, points[one].kind] == [("m", "power"), 123, Kind.DATA]
    assert [points[two].key, points[two].timestamp, points[two].kind] == [("m", "power.double"), 456, Kind.OUT]
    assert [points[point].received_ms for point in (one, two)] == [NOW_MS, NOW_MS]
    context = points[two].context
    assert context is not None
    assert (context.metrics, context.location, context.application) == (ALL_METRICS, Location("bench 3"), "tariffs")
    assert points[two].step is None


def test_the_store_knows_the_trace_of_each_value(tmp_path: Path) -> None:
    with simulated() as recorder:
        traces = [None, *(f"00-{number // 3:032x}-{number // 2:016x}-01" for number in range(3, 40)), None]
        points = [recorder.record("m", "x", 1, traceparent=trace) for trace in traces]
        recorder.flush()
        reader = shipped(recorder, tmp_path)
        assert [reader.points([point])[point].traceparent for point in points] == traces
        found = reader.points(points)
        assert [found[point].traceparent for point in points] == traces
        reader.close()


def test_values_that_many_hands_made_meet_in_one_lineage(tmp_path: Path) -> None:
    """Two recorders: what one made, the other goes on from."""
    with simulated() as one, Recorder(tmp_path / "two", node="0000b2") as two:
        sensed = one.record("m", "power", 1.5)
        made = two.derive("m", "power.double", 3.0, inputs=[sensed])
        one.flush()
        two.flush()
        shipped(one, tmp_path / "store").close()
        reader = shipped(two, tmp_path / "store")
        assert reader.backward([made]).keys() == {made, sensed}
        assert str(sensed)[-6:] == NODE
        reader.close()


def test_without_provenance_the_store_hears_of_nothing(tmp_path: Path) -> None:
    with simulated(provenance=False) as recorder:
        recorder.record("m", "x", 1)
        recorder.flush()
        reader = shipped(recorder, tmp_path)
        assert reader.totals()["stamps"] == 0
        (node,) = reader.nodes()
        assert node.config is not None
        assert not node.config.provenance
        reader.close()
