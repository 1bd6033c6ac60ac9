"""PROTOCOL rule 16, sentence by sentence, and rule 10 for steps: each test fails when its rule is left away."""

import pytest

from headwater.model.reading import SeriesKey
from headwater.model.records import Kind, Position
from headwater.model.stamp import Lists, Origin, OriginKind, input_ids
from headwater.pipeline.step_options import AggregateOptions
from tests.pipeline.ends import START_MS, End, flip, payload
from tests.pipeline.stepping import WINDOW_S, advance, close_all, enter, late, stepping, windows


class TestCheckpointPlusReplay:
    """Rule 16: a step is a fold over the log: checkpoint plus replay."""

    @pytest.mark.parametrize("checkpoint", [False, True])
    def test_a_step_goes_on_where_it_was_and_makes_every_window_once(self, checkpoint: bool) -> None:
        """Rule 16, without and with a checkpoint."""
        end = stepping()
        enter(end, (0, 1.0), (1, 2.0))
        advance(end, checkpoint=checkpoint)
        end.restart()
        enter(end, (2, 3.0), (4, 10.0))
        advance(end, checkpoint=checkpoint)
        end.restart()
        enter(end, (8, 20.0))
        advance(end)

        assert windows(end) == [("m", 0, 6.0), ("m", 4000, 10.0)]

    def test_outputs_that_were_not_synced_are_made_again(self) -> None:
        """Rule 16: a kill takes outputs that were only in memory."""
        end = stepping()
        enter(end, (0, 1.0), (4, 2.0))
        end.chain().advance()
        end.restart()

        assert windows(end) == []
        advance(end)
        assert windows(end) == [("m", 0, 1.0)]

    def test_outputs_that_were_synced_are_not_made_again(self) -> None:
        """Rule 16: replay from an old checkpoint meets what it wrote."""
        end = stepping()
        enter(end, (0, 1.0), (4, 2.0))
        advance(end)
        end.restart()
        advance(end)

        assert windows(end) == [("m", 0, 1.0)]


def test_a_checkpoint_is_given_only_when_every_output_up_to_it_is_synced() -> None:
    """Rule 16: else a power loss takes an output that nothing makes again."""
    end = stepping()
    enter(end, (0, 1.0), (4, 2.0))
    step = end.chain()
    step.advance()

    assert step.checkpoint() is None
    end.commit()
    assert step.checkpoint() is not None


class TestReplayFromRecords:
    """Rule 16: replay takes closed windows and late readings from the output records, not from recomputing alone."""

    def test_a_window_whose_closing_record_is_damaged_now_stays_closed(self) -> None:
        """Rule 16: recomputing would leave it open, and emit it again."""
        end = stepping()
        enter(end, (0, 1.0))
        closing = enter(end, (4, 2.0))
        advance(end)
        flip(end, closing)
        end.restart()
        enter(end, (9, 5.0))
        advance(end)

        assert windows(end) == [("m", 0, 1.0)]

    def test_what_comes_for_a_window_closed_by_a_record_that_is_damaged_now_is_late(self) -> None:
        """Rule 16: whatever the step can still see."""
        end = stepping()
        enter(end, (0, 1.0))
        closing = enter(end, (4, 2.0))
        advance(end)
        flip(end, closing)
        end.restart()
        behind = enter(end, (1, 7.0))
        advance(end)

        assert late(end) == [(behind, 0)]
        assert windows(end) == [("m", 0, 1.0)]

    def test_late_readings_are_called_late_once(self) -> None:
        """Rule 16: also when the step replays them."""
        end = stepping()
        enter(end, (0, 1.0), (4, 2.0))
        behind = enter(end, (1, 7.0), (5, 1.0), (2, 8.0))
        advance(end)
        end.restart()
        advance(end)

        assert late(end) == [(behind, 0), (behind, 2)]
        step = end.chain()
        while step.advance():
            pass
        assert step.late == 2

    def test_late_readings_are_counted_on_through_checkpoints(self) -> None:
        """Rule 16: the count is part of the fold."""
        end = stepping()
        enter(end, (0, 1.0), (4, 2.0), (1, 7.0))
        enter(end, (1, 7.0))
        advance(end, checkpoint=True)
        end.restart()
        enter(end, (1, 8.0))
        step = end.chain()
        step.advance()

        assert step.late == 2

    def test_windows_that_a_replay_finds_half_written_are_completed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Rule 16: one trigger may make several output records, of which a crash keeps the first."""
        monkeypatch.setattr("headwater.pipeline.steps.windows.OUTPUTS_MAX", 2)
        end = stepping()
        for meter in "abcde":
            enter(end, (0, 1.0), meter=meter)
        close_all(end)
        step, append, written = end.chain(), end.log.append, []

        def fail_at_the_second(kind: int, *rest: object, **more: object) -> object:
            written.append(kind)
            if written.count(Kind.OUT) == 2:
                raise OSError("no more")
            return append(kind, *rest, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(end.log, "append", fail_at_the_second)
        with pytest.raises(OSError, match="no more"):
            step.advance()
        end.commit()
        end.restart()
        assert len(windows(end)) == 2
        advance(end)

        assert sorted(windows(end)) == [(meter, 0, 1.0) for meter in "abcde"]
        assert [batch.origin.part for batch in end.batches(Kind.OUT)] == [0, 1, 2]


class TestTimeDecisions:
    """Rule 16: what the clock decides is a `time` record before it has effect."""

    def test_a_decision_closes_every_window(self) -> None:
        """Rule 16."""
        end = stepping()
        enter(end, (0, 1.0))
        enter(end, (9, 2.0), meter="n")
        advance(end)
        assert windows(end) == []
        close_all(end)
        advance(end)

        assert windows(end) == [("m", 0, 1.0), ("n", 8000, 2.0)]

    def test_a_decision_has_its_effect_at_its_place_in_the_log_whenever_it_is_read(self) -> None:
        """Rule 16: so a replay makes the same of it, at any time of the clock."""
        end = stepping()
        enter(end, (0, 1.0))
        close_all(end)
        behind = enter(end, (1, 2.0))
        end.clock_ms += 1_000_000
        end.restart()
        advance(end)

        assert windows(end) == [("m", 0, 1.0)]
        assert late(end) == [(behind, 0)]

    def test_a_decision_for_one_step_is_none_for_another(self) -> None:
        """Rule 16."""
        two = [AggregateOptions(function=function, window_s=WINDOW_S) for function in ("sum", "count")]
        end = stepping(*two)
        enter(end, (0, 5.0))
        close_all(end, index=1)
        advance(end)

        assert windows(end) == [("m", 0, 1.0)]


class TestOrigins:
    """Rule 10: steps too refuse an origin that they have."""

    def test_readings_that_come_again_count_once(self) -> None:
        """Rule 10: a gateway forwards them twice when it lost the end of its log."""
        end = stepping()
        again(end, 1, 1.0, 2.0)
        again(end, 1, 1.0, 2.0)
        again(end, 2, 2.0, 4.0)
        close_all(end)
        advance(end)

        assert windows(end) == [("m", 0, 7.0)]

    def test_the_origins_heard_are_part_of_the_checkpoint(self) -> None:
        """Rule 10: the records may be gone by then."""
        end = stepping()
        again(end, 1, 1.0)
        advance(end, checkpoint=True)
        end.restart()
        again(end, 1, 1.0)
        close_all(end)
        advance(end)

        assert windows(end) == [("m", 0, 1.0)]

    @pytest.mark.parametrize("kind", [OriginKind.ENTRY, OriginKind.STEP])
    def test_batches_of_unnumbered_origin_are_refused_whole(self, kind: int) -> None:
        """Rule 10."""
        end = stepping()
        for number in (5, 5, 6):
            again(end, number, 1.0, 2.0, kind=kind)
        close_all(end)
        advance(end)

        assert windows(end) == [("m", 0, 6.0)]

    def test_the_origin_of_an_output_is_its_log_its_step_and_its_trigger(self) -> None:
        """Rule 10: so an endpoint has it once, however often it is made."""
        end = stepping()
        enter(end, (0, 1.0))
        trigger = enter(end, (4, 2.0))
        advance(end)

        assert [batch.origin for batch in end.batches(Kind.OUT)] == [
            Origin(OriginKind.STEP, end.log.log, trigger, 0, 0)
        ]


def test_an_output_names_exactly_its_inputs() -> None:
    """DESIGN section 2: for each output its inputs as runs, with the function as their contribution."""
    end = stepping()
    enter(end, (0, 1.0), (1, 2.0))
    enter(end, (2, 5.0), meter="other")
    enter(end, (3, 4.0), (4, 9.0))
    advance(end)

    (made,) = end.batches(Kind.OUT)
    assert made.stamp is not None
    assert isinstance(made.stamp.inputs, Lists)
    assert made.stamp.inputs.contribution == "sum"
    entered = [batch.stamp.run for batch in end.batches() if batch.stamp is not None]
    assert list(input_ids(made.stamp.inputs.inputs[0])) == [entered[0].at(0), entered[0].at(1), entered[2].at(0)]


def again(end: End, number: int, *values: float, kind: int = OriginKind.SOURCE) -> None:
    """A batch with an origin that is given, as a link would bring it."""
    series = end.log.define(SeriesKey("m", "power"))
    end.core.batch(
        Kind.DATA,
        Origin(kind, b"far-away", number),
        end.log.log,
        len(values),
        payload([series] * len(values), [0] * len(values), values),
        context=end.core.context(again),
        inputs=None,
        received_ms=START_MS,
        upstream=Position(b"the-link", end.log.state.sequence),
    )
    end.commit()
