"""Chains of steps: what each reads, what goes on, exact lineage through all of them, and nothing past a mask."""

import itertools
import threading
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.log.segments import segment_name
from headwater.model.ids import DataPointId
from headwater.model.reading import Reading
from headwater.model.records import Config, Definition, Kind
from headwater.pipeline.options import GatewayOptions
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
from headwater.wire import headwater_pb2 as pb
from headwater.wire.link import pack
from headwater.wire.records import decode_batch
from tests.pipeline import ourstep
from tests.pipeline.chains import delivered, going_on, log_readings, outputs_of, points, raw, run
from tests.pipeline.ends import End
from tests.pipeline.stepping import close_all

HERE = "tests.pipeline.ourstep"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASK_KEY", "sixteen bytes or more")
    ourstep.CALLS.clear()


def chained(*steps: StepOptions) -> End:
    return End(1, next="b:1", steps=steps)


def readings(*values: float, meter: str = "m", metric: str = "power") -> list[Reading]:
    return [Reading(meter, metric, 1000 * at, value) for at, value in enumerate(values)]


def values(end: End, kind: Kind | None = None) -> list[float]:
    return [point.reading.value for point in delivered(end, kind)]


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


# ---- a function of the user's own -----------------------------------------------------------------------------------


def test_a_function_gets_readings_and_its_outputs_lead_to_the_positions_it_named() -> None:
    end = chained(PythonOptions(call=f"{HERE}:total", contribution="summand"))
    log_readings(end, readings(1, -1, 2, 3))
    run(end)

    (made,) = outputs_of(end, 0)
    held = raw(end)
    assert made.reading == Reading("all", "total", 3000, 6.0)
    assert [held[point].value for point in made.inputs] == [1, 2, 3]
    assert made.contribution == "summand"


def test_the_context_of_what_a_function_made_is_where_the_function_is() -> None:
    end = chained(PythonOptions(call=f"{HERE}:doubled"))
    log_readings(end, readings(1))
    run(end)

    (batch,) = end.batches(Kind.OUT)
    assert batch.stamp is not None
    context = end.log.state.contexts[batch.stamp.context]
    assert (context.class_name, context.line) == (HERE, ourstep.doubled.__code__.co_firstlineno)


@pytest.mark.parametrize(
    ("function", "told"),
    [
        ("without_inputs", "output 1 names no inputs"),
        ("beyond", "output 1 names an input that is none of the 2 readings of its batch"),
        ("nonsense", "output 1 is no (meter, metric, timestamp in ms, value, positions of its inputs)"),
        ("unnamed", "output 1: the meter id is empty"),
        ("too_many", "more than 8192 readings of 2"),
    ],
)
def test_what_a_function_does_wrong_is_named_and_counted_and_costs_that_batch(function: str, told: str) -> None:
    end = chained(PythonOptions(call=f"{HERE}:{function}", metrics=("power",)))
    log_readings(end, sorted([*readings(1, 2), *readings(3, metric="heat")], key=lambda reading: reading.metric))
    run(end)

    assert [point.reading.metric for point in delivered(end)] == ["heat"]
    faults = [batch.trigger.fault for batch in end.batches(Kind.OUT) if batch.trigger is not None and batch.count == 0]
    assert len(faults) == 1
    assert told in faults[0]
    assert end.core.refused["step-function"] == 1


def test_an_exception_is_told_with_its_line_and_the_batches_around_it_are_unharmed() -> None:
    end = chained(PythonOptions(call=f"{HERE}:failing"))
    for value in (1, 13, 2):
        log_readings(end, readings(value))
    run(end)
    end.restart()
    run(end)

    assert values(end) == [1, 2]
    assert len(ourstep.CALLS) == 3
    faults = [
        batch.trigger.fault for batch in end.batches(Kind.OUT) if batch.trigger is not None and batch.trigger.fault
    ]
    line = ourstep.failing.__code__.co_firstlineno + 3
    assert faults == [f"{HERE}:failing: ValueError: thirteen in ourstep.py, line {line}"]


def test_a_call_that_takes_too_long_is_given_up_and_nobody_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    going_on_now = threading.Event()
    monkeypatch.setattr(ourstep, "doubled", lambda readings: going_on_now.wait() and [])
    end = chained(PythonOptions(call=f"{HERE}:doubled", timeout_s=0.01))
    for _ in range(6):
        log_readings(end, readings(1))
    run(end)
    going_on_now.set()

    faults = [batch.trigger.fault for batch in end.batches(Kind.OUT) if batch.trigger is not None]
    assert ["not done after 0.01 s" in fault for fault in faults] == [True] * 4 + [False] * 2
    assert "4 earlier calls have not returned" in faults[-1]


def test_what_a_function_returned_is_not_computed_differently_again() -> None:
    end = chained(PythonOptions(call=f"{HERE}:differently"), ScaleOptions(factor=10))
    log_readings(end, readings(1))
    run(end)
    end.restart()
    run(end)

    assert values(end) == [10]
    assert len(ourstep.CALLS) == 1


def test_steps_behind_go_on_from_what_was_recorded_when_only_that_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    end = chained(PythonOptions(call=f"{HERE}:differently"), ScaleOptions(factor=10))
    log_readings(end, readings(1))
    append, outputs = end.log.append, []

    def fail_at_the_second(kind: int, *rest: Any, **more: Any) -> Any:
        outputs.append(kind)
        if outputs.count(Kind.OUT) == 2:
            raise OSError("no more")
        return append(kind, *rest, **more)

    monkeypatch.setattr(end.log, "append", fail_at_the_second)
    with pytest.raises(OSError, match="no more"):
        run(end)
    end.commit()
    end.restart()
    run(end)

    assert values(end) == [10]
    assert len(ourstep.CALLS) == 1


# ---- nothing past a mask --------------------------------------------------------------------------------------------


def link_bytes(end: End) -> bytes:
    """Everything that the next hop is ever sent, and can ask for."""
    outflow = end.outflow()
    sent = [outflow.hello().SerializeToString()]
    sent += [message.SerializeToString() for record in going_on(end) if (message := pack(record, 0)) is not None]
    for log, number in end.log.state.series:
        answers = outflow.take(pb.Down(need=pb.Need(log=log, number=number)))
        sent += [answer.SerializeToString() for answer in answers]
    return b"".join(sent)


@pytest.mark.parametrize("foreign", [False, True])
def test_no_name_of_a_masked_meter_leaves_the_node(foreign: bool) -> None:
    end = chained(
        ScaleOptions(factor=2, metric="{metric}.doubled"),
        MaskOptions(key_env="MASK_KEY", meters=("secret-*",)),
        AggregateOptions(function="sum", window_s=2),
    )
    log_readings(
        end, sorted([*readings(1, 2, meter="public"), *readings(5, 6, meter="secret-7")], key=lambda r: r.meter)
    )
    log_readings(end, readings(9, meter="secret-8", metric="power.max"), Kind.OUT, foreign=foreign)
    end.log.append(99, None, raw=b"secret-9 of a later version", stays=end.core.stays(99))
    close_all(end)
    run(end)

    sent = link_bytes(end)
    assert b"secret" not in sent
    assert b"public" in sent
    assert {point.reading.meter for point in delivered(end)} >= {"public"}
    assert len(delivered(end, Kind.DATA)) == 4


def test_names_that_a_mask_hid_go_on_when_there_is_none_any_more() -> None:
    end = chained(MaskOptions(key_env="MASK_KEY"))
    log_readings(end, readings(1, meter="secret"))
    run(end)
    assert b"secret" not in link_bytes(end)
    end.options = msgspec.structs.replace(end.options, steps=())
    end.restart()
    end.core.configure(None)
    log_readings(end, readings(2, meter="secret"))
    run(end)

    assert [point.reading.meter for point in delivered(end)][-1] == "secret"
    shown = [body for body in end.bodies(Kind.DEFINITION) if isinstance(body, Definition) and not body.stays]
    assert "secret" in {body.meter for body in shown}


def test_the_key_of_a_mask_is_nowhere_in_the_log() -> None:
    end = chained(MaskOptions(key_env="MASK_KEY"))
    log_readings(end, readings(1))
    run(end, checkpoint=True)
    everything = b"".join(end.disk.read(name, 0, end.disk.size(name)) for name in end.disk.names())
    assert b"MASK_KEY" in everything
    assert b"sixteen bytes" not in everything
    assert "sixteen bytes" not in repr(end.core.options)


@pytest.mark.parametrize(
    "earlier", [AggregateOptions(function="sum", window_s=1), FilterOptions(where="True", output="add")]
)
def test_a_mask_behind_a_step_that_adds_is_refused_with_what_to_do(earlier: StepOptions) -> None:
    with pytest.raises(ValueError, match=r"step 1 .* stands before step 2 .* Put the mask first, or give that step"):
        GatewayOptions(node=1, name="a", data=End(1).options.data, steps=(earlier, MaskOptions(key_env="MASK_KEY")))


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
