"""What a step does besides folding: names, stamps, checkpoint files, and readings that cannot be read."""

from typing import Literal

import pytest

from headwater.model.records import Batch, Definition, Kind, Position
from headwater.model.stamp import Origin, OriginKind
from headwater.pipeline.step_options import AggregateOptions
from headwater.pipeline.steps import windows as windows_module
from headwater.pipeline.steps.chain import Chain
from headwater.pipeline.steps.checkpoint import load
from headwater.wire import codec
from tests.pipeline.ends import START_MS, UPSTREAM, End, payload
from tests.pipeline.stepping import WINDOW_S, advance, close_all, enter, stepping, windows

Function = Literal["average", "sum", "min", "max", "count", "last"]


def names(end: End) -> set[tuple[str, str]]:
    """The series of all outputs."""
    found = set()
    for batch in end.batches(Kind.OUT):
        found |= {(end.log.state.series[batch.entry, number]) for number in _numbers(batch)}
    return {(definition.meter, definition.metric) for definition in found}


def _numbers(batch: Batch) -> list[int]:
    return list(codec.decode(batch.payload).series.tolist())


def arrive(end: End, data: bytes, count: int, number: int = 1) -> None:
    """A batch from another log, with series of that log."""
    end.core.batch(
        Kind.DATA,
        Origin(OriginKind.SOURCE, b"far-away", number),
        UPSTREAM,
        count,
        data,
        context=end.core.context(arrive),
        inputs=None,
        received_ms=START_MS,
        upstream=Position(UPSTREAM, number),
    )
    end.commit()


@pytest.mark.parametrize("function", ["average", "sum", "min", "max", "count", "last"])
def test_the_metric_of_an_output_is_that_of_its_readings_with_the_function(function: Function) -> None:
    end = stepping(AggregateOptions(function=function, window_s=WINDOW_S))
    enter(end, (0, 1.0))
    close_all(end)
    advance(end)

    assert names(end) == {("m", f"power.{function}")}


def test_a_series_whose_name_is_lost_is_shown_as_damaged() -> None:
    end = stepping()
    end.log.append(Kind.DEFINITION, Definition(UPSTREAM, 8, "", "", damaged=True))
    arrive(end, payload([8, 9], [0, 0], [1.0, 2.0]), 2)
    close_all(end)
    advance(end)

    assert names(end) == {
        (f"damaged:{UPSTREAM.hex()}:8", "damaged.sum"),
        (f"damaged:{UPSTREAM.hex()}:9", "damaged.sum"),
    }


def test_a_payload_that_cannot_be_read_is_counted_and_passed() -> None:
    end = stepping()
    arrive(end, payload([1] * 40, [0] * 40, [0.1] * 40)[:-3], 40)
    enter(end, (0, 1.0))
    close_all(end)
    step = end.chain()
    while step.advance():
        end.commit()

    assert step.skipped == 40
    assert end.core.refused["payload"] == 40
    assert windows(end) == [("m", 0, 1.0)]


def test_steps_of_one_node_do_not_take_each_other_s_outputs_for_their_own() -> None:
    end = stepping(*(AggregateOptions(function=function, window_s=WINDOW_S) for function in ("sum", "count")))
    enter(end, (0, 5.0), (4, 7.0))
    for _ in range(2):
        advance(end)
        end.restart()

    assert windows(end) == [("m", 0, 5.0), ("m", 0, 1.0)]


def test_outputs_of_a_step_upstream_are_not_aggregated_again() -> None:
    end = stepping()
    enter(end, (0, 5.0), (4, 7.0))
    advance(end)
    close_all(end)
    advance(end)

    assert names(end) == {("m", "power.sum")}


def test_without_provenance_the_same_windows_come_without_stamps() -> None:
    end = stepping(provenance=False)
    enter(end, (0, 1.0), (4, 2.0))
    advance(end)

    assert windows(end) == [("m", 0, 1.0)]
    assert [batch.stamp for batch in end.batches(Kind.OUT)] == [None]


def test_late_readings_alone_make_an_output_without_readings_that_is_not_sent() -> None:
    end = End(1, next="b:1", steps=(AggregateOptions(function="sum", window_s=WINDOW_S),))
    enter(end, (0, 1.0), (4, 2.0))
    enter(end, (1, 9.0))
    advance(end)

    made = end.batches(Kind.OUT)
    assert [batch.count for batch in made] == [1, 0]
    assert made[1].stamp is None


def test_the_outputs_of_one_trigger_are_cut_into_bounded_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows_module, "OUTPUTS_MAX", 2)
    monkeypatch.setattr(windows_module, "RUNS_MAX", 3)
    end = stepping()
    for second in (0, 1):
        for meter in "abc":
            enter(end, (second, 1.0), meter=meter)
    close_all(end)
    advance(end)

    assert [batch.count for batch in end.batches(Kind.OUT)] == [1, 1, 1]
    assert sorted(windows(end)) == [(meter, 0, 2.0) for meter in "abc"]


def test_lag_is_what_is_logged_and_not_folded_in() -> None:
    end = stepping()
    enter(end, (0, 1.0), (1, 2.0))
    step = end.chain()
    assert step.lag == 2
    while step.advance():
        pass
    assert step.lag == 0


class TestCheckpointFiles:
    """A checkpoint that is not this step's, or cannot be read, is none: the step starts over."""

    def saved(self) -> tuple[End, Chain]:
        end = stepping()
        enter(end, (0, 1.0))
        advance(end, checkpoint=True)
        return end, end.chain()

    def test_one_that_fits_is_gone_on_from(self) -> None:
        _, step = self.saved()
        assert step.sequence > 0
        assert step.saved == step.sequence

    def test_one_of_another_log_is_none(self) -> None:
        end, _ = self.saved()

        assert load(end.disk, end.log.log) is not None
        assert load(end.disk, b"another-") is None

    @pytest.mark.parametrize("data", [b"", b"nonsense", b"\x28\xb5\x2f\xfd\x04\x00"])
    def test_one_that_cannot_be_read_is_none(self, data: bytes) -> None:
        end, step = self.saved()
        end.disk.replace(step.file, data)

        assert end.chain().sequence == 0
        enter(end, (4, 2.0))
        advance(end)
        assert windows(end) == [("m", 0, 1.0)]

    def test_no_flipped_bit_takes_or_changes_one(self) -> None:
        """The segments that it was made of may be gone."""
        end, step = self.saved()
        whole = load(end.disk, end.log.log)
        assert whole is not None
        for bit in range(8 * end.disk.size(step.file)):
            end.disk.flip(step.file, bit)
            assert load(end.disk, end.log.log) == whole
            end.disk.flip(step.file, bit)

    def test_segments_may_go_once_the_checkpoint_behind_them_is_saved(self) -> None:
        end, step = self.saved()
        enter(end, (1, 2.0))
        step.advance()
        held = step.checkpoint()
        assert held is not None
        before = step.saved
        step.saved_as({})
        assert step.saved == before
        step.saved_as({step.file: held})
        assert step.saved == step.sequence

    def test_nothing_new_is_not_saved_again(self) -> None:
        _, step = self.saved()
        assert step.checkpoint() is None
