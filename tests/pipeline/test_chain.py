"""Chains of steps: what each reads, what goes on, and exact lineage through all of them, whatever dies."""

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.log.segments import segment_name
from headwater.model.ids import DataPointId
from headwater.model.reading import Reading
from headwater.model.records import Config, Kind
from headwater.pipeline.step_options import (
    AggregateOptions,
    DeduplicateOptions,
    FilterOptions,
    MaskOptions,
    PythonOptions,
    RoundOptions,
    SampleOptions,
    ScaleOptions,
    StepOptions,
    decode_plan,
    encode_plan,
)
from headwater.pipeline.steps.aggregate import Aggregate, Fold
from headwater.pipeline.steps.checkpoint import Version1, encode
from headwater.wire import codec
from headwater.wire.link import pack
from headwater.wire.records import decode_batch
from tests.pipeline import ourstep
from tests.pipeline.chains import (
    chained,
    delivered,
    going_on,
    log_readings,
    outputs_of,
    points,
    raw,
    readings,
    run,
    values,
)
from tests.pipeline.ends import End
from tests.pipeline.stepping import close_all

HERE = "tests.pipeline.ourstep"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASK_KEY", "sixteen bytes or more")
    ourstep.CALLS.clear()


# ---- what steps read ------------------------------------------------------------------------------------------------


def test_a_step_reads_what_the_last_replace_step_left_and_added_results_go_on() -> None:
    end = chained(
        ScaleOptions(factor=100, metric="first", output="add"),
        FilterOptions(where="value > 1"),
        ScaleOptions(factor=10, metric="second", output="add"),
        ScaleOptions(factor=2),
    )
    log_readings(end, readings(1, 2, 3))
    run(end)

    assert values(end, Kind.DATA) == [4, 6]
    assert values(end, Kind.OUT) == [100, 200, 300, 20, 30]


def test_an_aggregate_takes_in_what_a_filter_left() -> None:
    end = chained(FilterOptions(where="value > 1"), AggregateOptions(function="sum", window_s=4))
    log_readings(end, readings(1, 2, 3, 4, 5))
    run(end)

    assert values(end, Kind.OUT) == [9]
    assert values(end, Kind.DATA) == [2, 3, 4, 5]


def test_results_of_an_aggregate_that_replaces_go_through_the_steps_behind() -> None:
    end = chained(AggregateOptions(function="sum", window_s=2, output="replace"), ScaleOptions(factor=10))
    log_readings(end, readings(1, 2, 3, 4, 5))
    close_all(end)
    run(end)

    assert values(end, Kind.DATA) == [30, 70, 50]


def test_what_an_aggregate_does_not_concern_goes_on_behind_it() -> None:
    step = AggregateOptions(function="sum", window_s=2, output="replace", metrics=("power",))
    end = chained(step, ScaleOptions(factor=10))
    log_readings(end, sorted([*readings(1, 2, 3), *readings(7, 8, metric="heat")], key=lambda reading: reading.metric))
    run(end)

    assert sorted(values(end, Kind.DATA)) == [30, 70, 80]


def test_values_derived_upstream_pass_an_aggregate_and_are_treated_by_other_steps() -> None:
    end = chained(AggregateOptions(function="sum", window_s=2, output="replace"), FilterOptions(where="value > 1"))
    log_readings(end, readings(1, 2, 3, metric="power.max"), Kind.OUT)
    run(end)

    assert values(end, Kind.OUT) == [2, 3]
    assert values(end, Kind.DATA) == []


def test_values_derived_upstream_go_on_as_they_are_where_only_an_aggregate_replaces() -> None:
    end = chained(AggregateOptions(function="sum", window_s=2, output="replace"))
    sequence = log_readings(end, readings(1, 2, 3, metric="power.max"), Kind.OUT)
    run(end)

    assert [point.sequence for point in delivered(end)] == [sequence] * 3


def test_what_a_replacing_step_makes_travels_as_readings() -> None:
    end = chained(FilterOptions(where="value > 1"), ScaleOptions(factor=1, output="add", metric="x"))
    log_readings(end, readings(2))
    run(end)

    batches = [record for record in going_on(end) if record.kind in (Kind.DATA, Kind.OUT)]
    assert [message.kind for record in batches if (message := pack(record, 0))] == [Kind.DATA, Kind.OUT]


# ---- exactly once, exactly from what --------------------------------------------------------------------------------


PLANS: list[tuple[StepOptions, ...]] = [
    (
        FilterOptions(where="value != 3"),
        ScaleOptions(factor=2, metric="x"),
        AggregateOptions(function="sum", window_s=2),
    ),
    (AggregateOptions(function="last", window_s=2, output="replace"), DeduplicateOptions(window=5)),
    (SampleOptions(every=2, output="add"), DeduplicateOptions(by="timestamp"), PythonOptions(call=f"{HERE}:doubled")),
    (
        MaskOptions(key_env="MASK_KEY", metrics=("power",)),
        AggregateOptions(function="count", window_s=4, slide_s=2, output="replace", metrics=("power",)),
        RoundOptions(decimals=0),
    ),
]
batches = st.lists(
    st.builds(
        Reading,
        st.sampled_from("ab"),
        st.sampled_from(["power", "heat"]),
        st.integers(0, 9).map(lambda s: 1000 * s),
        st.integers(0, 5).map(float),
    ),
    min_size=1,
    max_size=5,
).map(
    lambda batch: sorted(
        batch, key=lambda reading: reading[:2] if isinstance(reading, tuple) else (reading.meter, reading.metric)
    )
)
turns = st.lists(st.one_of(batches, st.sampled_from(["run", "save", "kill", "lose"])), max_size=10)


@settings(deadline=None)
@given(st.sampled_from(PLANS), turns, st.booleans())
def test_whatever_dies_a_chain_makes_what_it_makes_when_nothing_does(
    plan: tuple[StepOptions, ...], turns: list[list[Reading] | str], foreign: bool
) -> None:
    calm, rough = chained(*plan), chained(*plan)
    for turn in turns:
        if isinstance(turn, list):
            for end in (calm, rough):
                log_readings(end, turn, foreign=foreign)
        elif turn == "kill":
            rough.restart()
        elif turn == "lose":
            rough.chain().advance(1)
            rough.restart()
        else:
            run(rough, checkpoint=turn == "save", most=1)
    for end in (calm, rough):
        close_all(end)
        run(end)

    for at in range(len(plan)):
        made, expected = outputs_of(rough, at), outputs_of(calm, at)
        assert [point.reading for point in made] == [point.reading for point in expected]
        assert list(map(_sources(rough), made)) == list(map(_sources(calm), expected))
        assert len({point.id for point in made}) == len(made)
    assert [point.reading for point in delivered(rough)] == [point.reading for point in delivered(calm)]


def _sources(end: End) -> Any:
    """For an output the readings that came in that it leads to, as places in the order of arrival."""
    entered: dict[DataPointId, int] = {}
    inputs: dict[DataPointId, tuple[DataPointId, ...]] = {}
    counter = itertools.count()
    for record in end.records(Kind.DATA, Kind.OUT):
        batch = decode_batch(record)
        for point in points(end, record.sequence, batch):
            if batch.trigger is None:
                entered[point.id] = next(counter)
            else:
                inputs[point.id] = point.inputs

    def leaves(id: DataPointId) -> list[int]:
        return [entered[id]] if id in entered else [leaf for each in inputs[id] for leaf in leaves(each)]

    return lambda point: leaves(point.id)


def test_lineage_leads_through_every_step_to_exactly_the_readings_it_was_made_of() -> None:
    end = chained(*PLANS[0])
    log_readings(end, readings(1, 3, 2, 5, 6))
    run(end)

    held = raw(end)
    first, second = outputs_of(end, 2)
    assert (first.reading.value, second.reading.value) == (2, 14)
    scaled = {point.id: point for point in outputs_of(end, 1)}
    filtered = {point.id: point for point in outputs_of(end, 0)}
    leaves = [filtered[scaled[point].inputs[0]].inputs[0] for point in second.inputs]
    assert [held[leaf].value for leaf in leaves] == [2, 5]


# ---- changes --------------------------------------------------------------------------------------------------------


def test_a_change_of_the_file_while_the_node_was_down_is_one_between_two_records() -> None:
    """Readings logged before it go through the steps that held then, however late."""
    end = chained(ScaleOptions(factor=2))
    log_readings(end, readings(1, 2))
    end.options = msgspec.structs.replace(end.options, steps=(ScaleOptions(factor=3),))
    end.restart()
    log_readings(end, readings(1, 2))
    run(end)
    end.restart()
    run(end)

    assert values(end) == [2, 4, 3, 6]


def test_a_plan_is_read_as_it_was_written() -> None:
    for plan in PLANS:
        assert decode_plan(encode_plan(plan)) == plan


def test_a_checkpoint_of_before_there_were_chains_is_gone_on_from() -> None:
    """Each aggregate had a file of its own, and `config` records did not name the steps."""
    step = AggregateOptions(function="sum", window_s=4)
    end = End(1, next="b:1")
    log_readings(end, readings(1, 2))
    (batch,) = end.batches(Kind.DATA)
    aggregate = Aggregate(step, Fold())
    aggregate.take(batch.entry, codec.decode(batch.payload), batch.stamp.run if batch.stamp is not None else None)
    end.log.append_twice(Kind.CONFIG, Config(1, "node1", "b:1", steps=("sum(4 s)",)))
    end.log.roll()
    end.commit()
    saved = Version1(1, end.log.log, 4, end.log.state.sequence, 2, aggregate.fold)
    end.disk.replace("checkpoint.0", encode(saved))
    end.disk.unlink(segment_name(1))
    end.options = msgspec.structs.replace(end.options, steps=(step,))
    end.restart()
    log_readings(end, [Reading("m", "power", 4000, 9.0)])
    run(end)

    assert values(end, Kind.OUT) == [3]
