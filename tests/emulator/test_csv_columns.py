"""The columns of an ordinary CSV file are found, or it is said what is missing."""

import pytest

from headwater.emulator.csv_columns import ColumnOptions, Plan, plan_columns
from headwater.model.errors import ConfigError, Rejected


def plan(*lines: str, options: ColumnOptions | None = None) -> Plan:
    return plan_columns([line.encode() for line in lines], options or ColumnOptions())


@pytest.mark.parametrize(
    ("header", "row", "meter", "metric", "time", "values"),
    [
        ("customer_id,reading_datetime,general_supply_kwh", "10006414,2012-02-10T08:00:00,0.141", 0, None, 1, (2,)),
        ("Datetime,Voltage,Global_intensity", "16/12/2006 17:24:00,234.840,18.400", None, None, 0, (1, 2)),
        ("LCLid;tstp;energy(kWh/hh)", "MAC000002;2012-10-12 00:30:00.0000000;0", 0, None, 1, (2,)),
        ("time\tquality\tSensor ID\tquantity\tReading", "1486681200\tgood\t7\tpower\t5", 2, 3, 0, (4,)),
        ("id,meter,value,timestamp,other", "1,m,5,2012-01-01,9", 1, None, 3, (2,)),
        ("vehicle_id,timestamp,speed,headsign", '7,2015-03-07T10:03:34-06:00,0.0,"NORTH, BOUND"', 0, None, 1, (2,)),
    ],
)
def test_usual_files_need_no_options(
    header: str, row: str, meter: int | None, metric: int | None, time: int, values: tuple[int, ...]
) -> None:
    found = plan("", header, row)
    assert (found.meter, found.metric, found.time, found.values) == (meter, metric, time, values)
    assert found.first_row_line == 3


def test_columns_named_by_options_win_and_may_be_spelled_loosely() -> None:
    options = ColumnOptions(meter="Other-ID", time="When", value=["b", "a"], time_format="s", delimiter="|")
    found = plan("meter|timestamp|when|other_id|a|b|c", options=options)
    assert (found.meter, found.time, found.values, found.value_names) == (3, 2, (5, 4), ("b", "a"))


def test_damaged_rows_and_missing_values_do_not_hide_a_column_of_numbers() -> None:
    found = plan("time,power,name", "2012-01-01,,x", 'a"b', "2012-01-02,5,x", "2012-01-03,oops,x", "2012-01-04,6,x")
    assert found.value_names == ("power",)


@pytest.mark.parametrize(
    ("lines", "options", "message"),
    [
        (["meter,value", "m,5"], {}, "no time column among meter, value: name it with time_column"),
        (["m,1486681200,5", "m,1486681201,5"], {}, "the first line must be a header"),
        (["time,name", "2012-01-01,x"], {}, "no column with numbers"),
        (["time,a,b", "2012-01-01,1,2"], {"value": "c"}, "the value column 'c' is not there .*; there are time, a, b"),
        (["time,A-a,a_a", "2012-01-01,1,2"], {"value": "a a"}, "is there more than once"),
        (["time,a,a", "2012-01-01,1,2"], {}, "two columns have one name"),
        (["time,metric,a,b", "2012-01-01,p,1,2"], {}, "beside a metric column: name one with value_column"),
        (["time,a"], {}, "no row with a time follows"),
        (["date,time,a", "2012-01-01,17:24:00,5"], {}, "'17:24:00' is not a time I know"),
        (["", " "], {}, "the file is empty"),
        (["time,\udcff"], {}, "convert the file to UTF-8"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_what_to_do(
    lines: list[str], options: dict[str, str], message: str
) -> None:
    with pytest.raises(Rejected, match=message):
        plan_columns([line.encode(errors="surrogateescape") for line in lines], ColumnOptions(**options))


@pytest.mark.parametrize("options", [{"zone": "Mars"}, {"time_format": "%Q"}, {"delimiter": ",,"}, {"delimiter": '"'}])
def test_options_no_file_could_be_read_with_are_refused_first(options: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        ColumnOptions(**options).check()
