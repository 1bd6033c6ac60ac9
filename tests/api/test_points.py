"""A data point as a document: each context column that a node does not record takes its own members away, no others."""

import msgspec
import pytest

from headwater.api.gather import PLAIN, Facts
from headwater.api.points import Painter
from headwater.model.context import ALL_METRICS, Context, Location
from headwater.model.ids import DataPointId, IdRun
from headwater.model.reading import SeriesKey
from headwater.store.port import DataPoint, Edges

KEY = SeriesKey("meter", "metric")
MEMBERS = {
    "meterid": "meterId",
    "metricid": "metricId",
    "loc": "loc",
    "line": "lineNo",
    "class": "className",
    "app": "appName",
    "ctime": "timestamp",
    "stime": "sendTime",
    "rtime": "receiveTime",
}


def shown(context: Context | None, key: SeriesKey | None = KEY) -> set[str]:
    """The context members that a data point shows."""
    point = DataPoint(DataPointId(1, 2), context, key, 3, 4, 5, (), False, 1, None, (1, "00", 0))
    body = msgspec.json.encode(Painter(PLAIN).document(point))
    return set(msgspec.json.decode(body)["context"])


def recording(*metrics: str) -> Context:
    return Context(metrics, Location("here", 0.0, 0.0), "application", "class", 0)


@pytest.mark.parametrize("left_out", ALL_METRICS)
def test_a_column_that_is_not_recorded_is_absent(left_out: str) -> None:
    metrics = [metric for metric in ALL_METRICS if metric != left_out]

    assert shown(recording(*metrics)) == {*(MEMBERS[metric] for metric in metrics), "hostId"}


@pytest.mark.parametrize("metric", ALL_METRICS)
def test_a_column_recorded_alone_is_alone(metric: str) -> None:
    assert shown(recording(metric)) == {MEMBERS[metric], "hostId"}


def test_what_nobody_knows_is_absent_and_zero_is_not() -> None:
    times = {"timestamp", "sendTime", "receiveTime"}

    assert shown(Context(), None) == {*times, "hostId"}
    assert shown(None) == {*times, "meterId", "metricId", "hostId"}
    assert shown(recording("line", "loc")) == {"lineNo", "loc", "hostId"}


def test_in_detail_it_says_how_many_it_was_made_from() -> None:
    point = DataPoint(DataPointId(1, 2), None, KEY, 3, 4, 5, (), False, 1, None, (1, "00", 0))
    made = point._replace(inputs=Edges((IdRun(1, 7, 900), IdRun(2, 7, 100)), "average"))

    painter = Painter(Facts(detail=True))
    assert [painter.document(each).input_count for each in (point, made)] == [0, 1_000]
    assert Painter(PLAIN).document(made).input_count is msgspec.UNSET
