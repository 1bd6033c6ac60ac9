"""The step `python`: what a function of the user's own gets, what becomes of its outputs, and what it does wrong."""

import threading
from typing import Any

import pytest

from headwater.model.reading import Reading
from headwater.model.records import Kind
from headwater.pipeline.step_options import (
    PythonOptions,
    ScaleOptions,
)
from tests.pipeline import ourstep
from tests.pipeline.chains import chained, delivered, log_readings, outputs_of, raw, readings, run, values

HERE = "tests.pipeline.ourstep"


@pytest.fixture(autouse=True)
def no_calls() -> None:
    ourstep.CALLS.clear()


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
