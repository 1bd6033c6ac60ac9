"""A numbered source: its readings are counted, and what is wrong with them is named by their numbers."""

import numpy as np
import pytest

from headwater.log import writer
from headwater.model.errors import Rejected
from headwater.model.reading import NAME_LENGTH_MAX, SeriesKey
from headwater.model.records import Kind, Loss, Why
from headwater.model.stamp import Origin, OriginKind
from headwater.wire import codec
from headwater.wire import headwater_pb2 as pb
from tests.pipeline.ends import SOURCE, START_MS, End, from_source, payload, reason_of, source


def batch(first: int, data: bytes, *series: pb.SourceSeries) -> pb.Up:
    return pb.Up(source=pb.SourceBatch(first=first, payload=data, series=series, sent_ms=START_MS))


def series(number: int, meter: str = "m", metric: str = "power") -> pb.SourceSeries:
    return pb.SourceSeries(number=number, meter=meter, metric=metric)


def test_readings_are_logged_with_the_numbers_that_the_source_gave_them() -> None:
    end = End()
    inflow = source(end)
    from_source(inflow, 1, 1.0, 2.0)
    from_source(inflow, 3, 3.0, define=False)

    assert [made.origin for made in end.batches()] == [
        Origin(OriginKind.SOURCE, SOURCE, 1),
        Origin(OriginKind.SOURCE, SOURCE, 3),
    ]
    assert end.values() == [1.0, 2.0, 3.0]
    assert inflow.durable == 3


def test_the_series_of_a_source_are_renumbered_to_those_of_the_log() -> None:
    end = End()
    inflow = source(end)
    data = payload([9, 9, 4], [1, 2, 3], [1.0, 2.0, 3.0])
    inflow.take(batch(1, data, series(9, "a"), series(4, "b")))

    (made,) = end.batches()
    names = {
        number: end.log.state.series[made.entry, number].meter for number in codec.decode(made.payload).series.tolist()
    }
    assert [names[number] for number in codec.decode(made.payload).series.tolist()] == ["a", "a", "b"]


def test_a_series_number_means_something_else_once_it_is_defined_again() -> None:
    end = End()
    inflow = source(end)
    from_source(inflow, 1, 1.0, meter="a")
    from_source(inflow, 2, 2.0, meter="b")

    assert end.log.state.numbers.keys() == {SeriesKey("a", "power"), SeriesKey("b", "power")}
    first, second = (int(codec.decode(made.payload).series[0]) for made in end.batches())
    assert first != second


WRONG_KEYS = {
    "an empty meter": (series(0, ""), "empty-id"),
    "an empty metric": (series(0, "m", ""), "empty-id"),
    "a meter too long": (series(0, "m" * (NAME_LENGTH_MAX + 1)), "long-id"),
    "a metric too long": (series(0, "m", "p" * (NAME_LENGTH_MAX + 1)), "long-id"),
}


@pytest.mark.parametrize("case", WRONG_KEYS)
def test_a_batch_with_a_wrong_name_is_refused_and_its_readings_are_named_lost(case: str) -> None:
    wrong, reason = WRONG_KEYS[case]
    end = End()
    inflow = source(end)
    from_source(inflow, 1, 1.0)

    down = inflow.take(batch(2, payload([0, 0], [1, 2], [5.0, 6.0]), wrong))
    from_source(inflow, 4, 7.0)

    assert reason_of(down) == reason
    assert down[0].refusal.sequence == 2
    assert end.losses() == [Loss(Why.DAMAGED, SOURCE, 2, 3, 2)]
    assert end.core.refused[reason] == 2
    assert end.values() == [1.0, 7.0]
    assert inflow.durable == 4


def test_a_series_that_was_never_defined_is_refused_by_its_number() -> None:
    end = End()
    inflow = source(end)

    (down,) = inflow.take(batch(1, payload([3], [1], [5.0])))

    assert down.refusal.reason == "series"
    assert "series 3 in the batch from reading 1" in down.refusal.detail
    assert end.losses() == [Loss(Why.DAMAGED, SOURCE, 1, 1, 1)]


def test_one_series_too_many_costs_only_its_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "SERIES_MAX", 1)
    end = End()
    inflow = source(end)
    from_source(inflow, 1, 1.0, meter="a")

    assert reason_of(from_source(inflow, 2, 2.0, 3.0, meter="b")) == "series"
    from_source(inflow, 4, 4.0, meter="a")

    assert end.losses() == [Loss(Why.DAMAGED, SOURCE, 2, 3, 2)]
    assert end.values() == [1.0, 4.0]


def test_a_payload_cut_short_costs_only_itself() -> None:
    end = End()
    inflow = source(end)
    data = payload([0] * 50, list(range(50)), [float(value) for value in range(50)])

    assert reason_of(inflow.take(batch(1, data[:-1], series(0)))) == "payload"
    from_source(inflow, 51, 51.0)

    assert end.losses() == [Loss(Why.DAMAGED, SOURCE, 1, 50, 50)]
    assert end.values() == [51.0]


@pytest.mark.parametrize("data", [b"\x07", payload([0] * 50, list(range(50)), [0.5] * 50)[:8]])
def test_a_payload_whose_readings_cannot_even_be_counted_ends_the_connection(data: bytes) -> None:
    end = End()

    with pytest.raises(Rejected, match="payload"):
        source(end).take(batch(1, data, series(0)))

    assert end.records(Kind.DATA, Kind.LOSS) == []


def test_a_batch_of_nothing_changes_nothing() -> None:
    end = End()
    inflow = source(end)

    assert inflow.take(batch(1, payload([], [], []))) == []
    assert end.records(Kind.DATA) == []
    assert inflow.durable == 0


def test_the_largest_batch_is_taken_whole() -> None:
    end = End()
    count = codec.READINGS_MAX
    data = codec.encode(np.zeros(count, np.int64), np.arange(count), np.arange(count, dtype=np.float64))
    inflow = source(end)

    inflow.take(batch(1, data, series(0)))

    assert [made.count for made in end.batches()] == [count]
    assert end.values()[-1] == count - 1


@pytest.mark.parametrize("first", [0, 3])
def test_readings_with_a_number_that_cannot_come_now_end_the_connection(first: int) -> None:
    end = End()
    inflow = source(end)
    from_source(inflow, 1, 1.0)

    with pytest.raises(Rejected) as refused:
        from_source(inflow, first, 9.0)

    assert refused.value.reason in ("order", "number")
    assert end.values() == [1.0]


def test_a_source_that_is_behind_what_was_received_of_it_is_refused() -> None:
    end = End()
    from_source(source(end), 1, 1.0, 2.0)

    with pytest.raises(Rejected) as refused:
        source(end, last=1)

    assert refused.value.reason == "ahead"
    assert "choose another --journal" in refused.value.detail


def test_only_batches_come_from_a_source() -> None:
    with pytest.raises(Rejected, match="message"):
        source(End()).take(pb.Up(records=pb.Records()))


def test_the_sent_time_is_kept_in_the_stamp() -> None:
    end = End()
    from_source(source(end), 1, 1.0)

    (made,) = end.batches()
    assert made.stamp is not None
    assert made.stamp.sent_ms == START_MS
    assert made.stamp.inputs is None
