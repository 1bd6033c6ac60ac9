"""Times are read as written, in the zone given, and never guessed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headwater.emulator.timestamps import recognise_times, time_reader
from headwater.model.errors import ConfigError, Rejected

MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1))


def milliseconds(moment: datetime) -> int:
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


@given(
    st.lists(MOMENTS, min_size=1), st.sampled_from(["T", " "]), st.sampled_from(["minutes", "seconds", "milliseconds"])
)
def test_iso_times_without_a_zone_are_utc(moments: list[datetime], gap: str, parts: str) -> None:
    texts = [moment.isoformat(gap, parts) for moment in moments]
    exact = [milliseconds(datetime.fromisoformat(text)) for text in texts]
    reader = recognise_times(texts, "UTC")
    assert reader.many(texts).tolist() == exact
    assert [reader.one(text) for text in texts] == exact


@pytest.mark.parametrize("text", ["2015-03-07T10:03:34-06:00", "2015-03-07T16:03:34Z", "2015-03-07 17:03:34+01:00"])
def test_a_time_with_a_zone_keeps_it_whatever_the_option_says(text: str) -> None:
    assert recognise_times([text], "Asia/Tokyo").many([text]).tolist() == [1425744214000]


def test_a_time_without_a_zone_is_in_the_zone_given() -> None:
    summer, winter, twice = "2012-07-01 12:00", "2012-01-01 12:00", "2012-10-28 02:30"
    exact = [
        milliseconds(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin")))
        for text in (summer, winter)
    ]
    reader = time_reader("iso", "Europe/Berlin")
    assert reader.many([summer, winter]).tolist() == exact
    assert reader.one(twice) == milliseconds(datetime(2012, 10, 28, 0, 30))


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1486681200", 1486681200000),
        ("1486681200.25", 1486681200250),
        ("1486681200123", 1486681200123),
        ("1486681200123456", 1486681200123),
        ("1486681200123456789", 1486681200123),
        ("0", 0),
        ("-5", -5000),
    ],
)
def test_epoch_numbers_tell_their_unit_by_size(text: str, milliseconds: int) -> None:
    reader = recognise_times([text], "UTC")
    assert reader.many([text]).tolist() == [milliseconds] == [reader.one(text)]


@given(st.lists(st.integers(0, 10**15 - 1), min_size=1), st.sampled_from(["epoch", "s", "ms"]))
def test_reading_epoch_numbers_at_once_is_reading_each(numbers: list[int], unit: str) -> None:
    texts = [str(number) for number in numbers]
    reader = time_reader(unit, "UTC")
    assert reader.many(texts).tolist() == [reader.one(text) for text in texts]


@given(st.text("0123456789/: ", max_size=20), MOMENTS, st.booleans())
@example("1/2/2012 1:2:3", datetime(2012, 1, 1), True)
@example("131/2012", datetime(2012, 1, 1), True)
@example("1/2/2012 1:2:3 4", datetime(2012, 1, 1), True)
def test_numeric_formats_read_like_strptime(noise: str, moment: datetime, noisy: bool) -> None:
    for time_format in ("%d/%m/%Y %H:%M:%S", "%m%d/%Y", "%Y%m%d%H%M", "%d.%m.%Y  %H:%M:%S.%f"):
        text = noise if noisy else moment.strftime(time_format)
        reader = time_reader(time_format, "UTC")
        try:
            exact = milliseconds(datetime.strptime(text.strip(), time_format))
        except ValueError:
            with pytest.raises(ValueError, match=r".*"):
                reader.one(text)
        else:
            assert reader.one(text) == exact


def test_formats_with_names_and_zones_are_read_too() -> None:
    assert time_reader("%d %b %Y %I:%M %p", "UTC").one("07 Mar 2015 04:03 PM") == 1425744180000
    assert time_reader("%Y-%m-%d %H:%M %z", "Asia/Tokyo").one("2015-03-07 17:03 +0100") == 1425744180000


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["01/02/2006 17:24:00", "16/12/2006 17:24:00"], "%d/%m/%Y %H:%M:%S"),
        (["01/02/2006 17:24", "12/16/2006 17:24"], "%m/%d/%Y %H:%M"),
        (["31.12.2006"], "%d.%m.%Y"),
        (["2006/01/02 17:24"], "%Y/%m/%d %H:%M"),
        (["damaged", "2006-01-02", "", "2006-01-03"], "iso"),
        (["", "1486681200", "x", "1486681201"], "epoch"),
    ],
)
def test_the_way_times_are_written_is_recognised(texts: list[str], found: str) -> None:
    assert recognise_times(texts, "UTC").name == found


@pytest.mark.parametrize(
    "texts", [["01/02/2006 17:24", "12/12/2006 17:24"], ["13/12/2006", "12/13/2006"], ["20061216"]]
)
def test_a_date_that_can_be_read_in_two_ways_is_not_guessed(texts: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"give time_format"):
        recognise_times(texts, "UTC")


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(Rejected, match="'17:24:00' is not a time I know: give time_format"):
        recognise_times(["17:24:00"], "UTC")


@pytest.mark.parametrize("time_format", ["iso", "epoch", "%d/%m/%Y", "%d %b %Y"])
@pytest.mark.parametrize("text", ["", "now", "NaT", "today", "2012-13-01 00:00", "1e9", "32/01/2012", "2012-1"])
def test_a_text_that_is_no_time_is_refused_alone_and_among_others(text: str, time_format: str) -> None:
    reader = time_reader(time_format, "UTC")
    with pytest.raises(ValueError, match=r".*"):
        reader.one(text)
    with pytest.raises(ValueError, match=r".*"):
        reader.many([text])


@pytest.mark.parametrize("time_format", ["%Q", "%s", "%d %d", "%"])
def test_a_format_that_cannot_be_used_is_named(time_format: str) -> None:
    with pytest.raises(ConfigError, match="time_format"):
        time_reader(time_format, "UTC")


@pytest.mark.parametrize("zone", ["Europe/Nowhere", "../etc/passwd", ""])
def test_a_zone_that_is_not_known_is_named(zone: str) -> None:
    with pytest.raises(ConfigError, match="give an IANA name"):
        time_reader("iso", zone)
