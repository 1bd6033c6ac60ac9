"""A replay of recordings is what reading them line by line says, from any tick, in any chunk."""

import gzip
from collections.abc import Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.emulator import recordings, steps
from headwater.emulator.csv_columns import ColumnOptions
from headwater.emulator.recordings import Limits, Recordings, open_recordings
from headwater.emulator.ticks import Replay, Tick
from headwater.model.errors import ConfigError
from headwater.model.reading import SeriesKey

few_examples = settings(max_examples=max(1, settings().max_examples // 3))
FIRST_S = 1486681200


class Line(NamedTuple):
    """A reading as recorded: seconds after the first, metric, value."""

    second: int
    metric: str
    value: float


Meters = dict[str, list[Line]]
METRICS = [f"{code:012d}" for code in (10116070000, 10132070000, 10131070000)]
LINES = st.lists(
    st.builds(Line, st.integers(0, 5), st.sampled_from(METRICS), st.integers(0, 999).map(float)), max_size=25
)
METERS = st.lists(LINES, min_size=1, max_size=4).map(lambda files: {f"{7000 + n}": f for n, f in enumerate(files)})


def write_2018(folder: Path, meters: Meters) -> None:
    for meter, lines in meters.items():
        text = "".join(f"{FIRST_S + line.second},{line.metric},{int(line.value):+010d}+8\n" for line in lines)
        (folder / f"{meter}.csv").write_text(text or "\n")


def write_files(folder: Path, meters: Meters) -> None:
    for meter, lines in meters.items():
        text = "".join(f"{FIRST_S + line.second};{line.metric};{line.value}\n" for line in lines)
        with gzip.open(folder / f"{meter}.csv.gz", "wt") as file:
            file.write("time;metric;value\n" + text)


def write_table(folder: Path, meters: Meters) -> None:
    """Write two files with a column of meters, the first half of the lines of each meter in the first."""
    for name, half in (("a.csv", 0), ("b.csv", 1)):
        rows = []
        for meter, lines in meters.items():
            middle = len(lines) // 2
            for line in lines[middle:] if half else lines[:middle]:
                rows.append(f"{FIRST_S + line.second},{meter},{line.metric},{line.value}\n")
        if rows:
            (folder / name).write_text("time,meter,metric,value\n" + "".join(rows))


def write_mixed(folder: Path, meters: Meters) -> None:
    names = sorted(meters)
    write_table(folder, {name: meters[name] for name in names[::2]})
    write_2018(folder, {name: meters[name] for name in names[1::2]})


WRITERS = {"2018": write_2018, "files": write_files, "table": write_table, "mixed": write_mixed}

Reading = tuple[str, str, int, float]


def replay_line_by_line(meters: Meters) -> list[list[Reading]]:
    """Give the readings of each tick, meter by meter."""
    steps_of = {
        meter: [list(step) for _, step in groupby(lines, key=lambda line: line.second)]
        for meter, lines in meters.items()
    }
    return [
        [
            (meter, line.metric, (FIRST_S + line.second) * 1000, line.value)
            for meter in meters
            if number < len(steps_of[meter])
            for line in steps_of[meter][number]
        ]
        for number in range(max(map(len, steps_of.values())))
    ]


def readings(replay: Replay, tick: Tick) -> list[Reading]:
    keys = [replay.series[index] for index in tick.series.tolist()]
    columns = zip(keys, tick.timestamps.tolist(), tick.values.tolist(), strict=True)
    return [(*key, time, value) for key, time, value in columns]


def same(some: Sequence[Tick], others: Sequence[Tick]) -> bool:
    return len(some) == len(others) and all(
        one.number == other.number
        and all(
            np.array_equal(getattr(one, column), getattr(other, column))
            for column in ("series", "timestamps", "values")
        )
        for one, other in zip(some, others, strict=True)
    )


def open_in_chunks(folder: Path, chunk_bytes: int, loop: bool = False) -> Recordings:
    """Open like `open_recordings`, with chunks so small that a few lines are many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recordings, "_CHUNK_BYTES_MIN", chunk_bytes)
        patch.setattr(recordings, "_CHUNK_BYTES_MAX", chunk_bytes)
        patch.setattr(recordings, "_BLOCK_READINGS", chunk_bytes // 20)
        return open_recordings(folder, loop=loop)


def made(kind: str, meters: Meters, factory: pytest.TempPathFactory) -> Path:
    folder = factory.mktemp(kind)
    WRITERS[kind](folder, meters)
    return folder


MEASURED: Meters = {
    "7000": [Line(second, metric, second * 10.0) for second in range(0, 70, 7) for metric in METRICS],
    "7001": [Line(second, METRICS[0], second) for second in range(3, 70, 7)][:4],
    "7002": [Line(second, METRICS[second % 2], second) for second in range(20)],
}


@pytest.mark.parametrize("kind", WRITERS)
@few_examples
@given(meters=METERS, chunk_bytes=st.integers(20, 300))
def test_each_tick_holds_the_next_readings_of_every_meter_as_recorded(
    kind: str, meters: Meters, chunk_bytes: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if not any(meters.values()):
        return
    meters = {meter: lines for meter, lines in meters.items() if lines}
    replay = open_in_chunks(made(kind, meters, tmp_path_factory), chunk_bytes)
    ticks = list(replay.ticks())
    assert [sorted(readings(replay, tick)) for tick in ticks] == [sorted(tick) for tick in replay_line_by_line(meters)]
    assert [tick.number for tick in ticks] == list(range(len(ticks)))
    for tick, exact in zip(ticks, replay_line_by_line(meters), strict=True):
        assert (np.diff(tick.series) >= 0).all()
        for key in replay.series:
            assert [it for it in readings(replay, tick) if it[:2] == key] == [it for it in exact if it[:2] == key]
    assert replay.rejected.total == 0


@pytest.mark.parametrize("kind", WRITERS)
@few_examples
@given(meters=METERS, first=st.integers(0, 60), chunk_bytes=st.integers(20, 300), loop=st.booleans())
def test_starting_at_a_tick_gives_what_an_iteration_from_the_start_gives_there(
    kind: str, meters: Meters, first: int, chunk_bytes: int, loop: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if not any(meters.values()):
        return
    folder = made(kind, meters, tmp_path_factory)
    whole = open_in_chunks(folder, 1000, loop)
    from_start = list(islice(whole.ticks(), 100))
    resumed = open_in_chunks(folder, chunk_bytes, loop)
    assert same(list(islice(resumed.ticks(first), 100 - first)), from_start[first:])
    assert same(list(islice(resumed.ticks(first), 100 - first)), from_start[first:])
    assert resumed.series[: len(whole.series)] == whole.series[: len(resumed.series)]


@pytest.mark.parametrize("kind", WRITERS)
def test_a_loop_goes_on_with_numbers_and_rising_time(kind: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    replay = open_recordings(made(kind, MEASURED, tmp_path_factory), loop=True)
    ticks = list(islice(replay.ticks(), 60))
    assert [tick.number for tick in ticks] == list(range(60))
    for tick, again in zip(ticks, ticks[20:], strict=False):
        assert (again.timestamps - tick.timestamps == 63_000 + 7_000).all()
        assert (again.series == tick.series).all()
        assert (again.values == tick.values).all()
    last: dict[int, int] = {}
    for tick in ticks:
        for series, time in zip(tick.series.tolist(), tick.timestamps.tolist(), strict=True):
            assert time > last.get(series, 0)
            last[series] = time


def test_series_are_numbered_by_first_appearance_and_only_grow(tmp_path: Path) -> None:
    late = [Line(0, METRICS[1], 1.0), Line(7, METRICS[0], 1.0)]
    write_2018(tmp_path, {"2": [*late, Line(14, METRICS[2], 1.0)], "1": late})
    replay = open_in_chunks(tmp_path, 30)
    assert replay.series == []
    for _ in replay.ticks():
        pass
    first, second, third = METRICS
    assert replay.series == [
        SeriesKey("1", second),
        SeriesKey("2", second),
        SeriesKey("1", first),
        SeriesKey("2", first),
        SeriesKey("2", third),
    ]


@pytest.mark.parametrize("kind", WRITERS)
@few_examples
@given(data=st.data())
def test_a_damaged_line_costs_only_itself_and_is_counted_once(
    kind: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = made(kind, MEASURED, tmp_path_factory)
    good = open_recordings(folder)
    exact = [readings(good, tick) for tick in good.ticks()]
    path = data.draw(
        st.sampled_from(sorted(path for path in folder.iterdir() if path.suffix == ".csv" or kind == "files"))
    )
    content = gzip.decompress(path.read_bytes()) if kind == "files" else path.read_bytes()
    lines = content.split(b"\n")
    at = data.draw(st.integers(1, len(lines) - 1))
    lines.insert(at, data.draw(st.sampled_from([b"x", b"\xff,\xfe", b'"', b"1486681200,7,7,y", b"," * 50])))
    content = b"\n".join(lines)
    path.write_bytes(gzip.compress(content) if kind == "files" else content)
    damaged = open_in_chunks(folder, data.draw(st.integers(20, 300)))
    for _ in range(2):
        assert [readings(damaged, tick) for tick in damaged.ticks()] == exact
    assert damaged.rejected.total == sum(damaged.rejected.counts.values()) == 1
    assert damaged.rejected.messages[0].startswith(f"{path}:{at + 1}: ")


@pytest.mark.parametrize("kind", WRITERS)
def test_a_time_that_never_changes_fills_no_tick_without_bound(
    kind: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "STEP_READINGS_MAX", 5)
    still = {"7000": [Line(0, METRICS[0], float(n)) for n in range(18)]}
    folder = made(kind, still, tmp_path_factory)
    for chunk_bytes in (40, 100, 10_000):
        ticks = list(open_in_chunks(folder, chunk_bytes).ticks())
        assert [tick.values.tolist() for tick in ticks] == [
            [0.0, 1.0, 2.0, 3.0, 4.0],
            [5.0, 6.0, 7.0, 8.0, 9.0],
            [10.0, 11.0, 12.0, 13.0, 14.0],
            [15.0, 16.0, 17.0],
        ]


def test_an_ordinary_file_of_one_meter_is_named_by_its_file(tmp_path: Path) -> None:
    path = tmp_path / "house 7.CSV.gz"
    path.write_bytes(gzip.compress(b"time,power\n2012-01-01,5\n2012-01-02,\n"))
    replay = open_recordings(path)
    assert [readings(replay, tick) for tick in replay.ticks()] == [[("house 7", "power", 1325376000000, 5.0)]]
    assert (replay.rejected.empty, replay.rejected.total) == (1, 0)


def test_a_meter_in_several_files_with_columns_of_meters_goes_on_in_the_next(tmp_path: Path) -> None:
    (tmp_path / "2.csv").write_text("time,meter,value\n3,a,3\n")
    (tmp_path / "1.csv").write_text("time,meter,value\n1,a,1\n2,a,2\n2,b,2\n")
    replay = open_recordings(tmp_path)
    assert [tick.values.tolist() for tick in replay.ticks()] == [[1.0, 2.0], [2.0], [3.0]]


def test_other_files_of_a_folder_are_left_alone_and_unusable_ones_counted(tmp_path: Path) -> None:
    (tmp_path / "SOURCE.txt").write_text("what this is")
    (tmp_path / ".hidden.csv").write_text("damaged")
    (tmp_path / "stops.csv").write_text("stop_id,stop_name\n7,Main Street\n")
    (tmp_path / "good.csv").write_text("time,value\n1486681200,5\n")
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"time,value\n1486681200,5\n")[:12])
    replay = open_recordings(tmp_path)
    assert len(list(replay.ticks())) == 1
    assert replay.rejected.counts == {"columns": 1, "gzip": 1}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "holds no .csv or .csv.gz file: give"),
        ({"a.csv": ""}, "holds no reading that can be replayed: .*a.csv: file: the file is empty"),
        ({"a.csv": "meter,time,value\nm,2012-01-01,x\n"}, "holds no reading that can be replayed: .*a.csv:2: value"),
        ({"a.csv": "meter,time,value\nm,2012-01-01,\n"}, "every value is missing"),
        ({"a.csv": "time,value\n01/02/2012,1\n"}, "a.csv: .*give time_format"),
        ({"a.csv": "time,value\n1,1\n", "a.csv.gz": "time,value\n1,1\n"}, "another file holds the meter 'a'"),
        ({"a.csv": "time,value\n1,1\n", "b.csv": "meter,time,value\na,1,1\n"}, "another file holds the meter 'a'"),
    ],
)
def test_a_folder_that_cannot_be_replayed_is_refused_with_what_to_do(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=message):
        open_recordings(tmp_path)


def test_what_is_not_there_or_not_readable_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent cannot be read .No such file"):
        open_recordings(tmp_path / "absent")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ConfigError, match=r"folder.csv cannot be read .Is a directory"):
        open_recordings(tmp_path)


def test_more_readings_than_fit_in_memory_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("meter,time,value\nm,1,1\nm,2,2\nm,3,3\n")
    assert len(list(open_recordings(path, limits=Limits(readings_max=3)).ticks())) == 3
    with pytest.raises(ConfigError, match=r"more than 2 readings .* raise readings_max"):
        open_recordings(path, limits=Limits(readings_max=2))


def test_the_columns_of_a_tick_cannot_be_written(tmp_path_factory: pytest.TempPathFactory) -> None:
    for kind in WRITERS:
        for tick in open_recordings(made(kind, MEASURED, tmp_path_factory)).ticks():
            for column in (tick.series, tick.timestamps, tick.values):
                assert not column.flags.writeable
            columns = (tick.series, tick.timestamps, tick.values)
            assert [column.dtype.name for column in columns] == ["int32", "int64", "float64"]


def test_the_measured_households_are_all_replayed(test_data: Path) -> None:
    replay = open_recordings(test_data / "smart_meters_sgsc")
    ticks = list(replay.ticks())
    assert sum(len(tick.values) for tick in ticks) == 203_036
    assert len(ticks) == 36_061
    assert {key.metric for key in replay.series} == {"general_supply_kwh"}
    assert [key.meter for key in replay.series][::6] == ["10006414", "10018250"]
    assert readings(replay, ticks[0])[0] == ("10006414", "general_supply_kwh", 1328860800000, 0.141)
    assert (replay.rejected.total, replay.rejected.empty) == (0, 0)


def test_the_measured_minutes_are_all_replayed(test_data: Path) -> None:
    replay = open_recordings(test_data / "household_power_uci")
    ticks = list(replay.ticks())
    assert len(ticks) == 17_280 - 2
    assert sum(len(tick.values) for tick in ticks) == (17_280 - 2) * 7
    assert (replay.rejected.total, replay.rejected.empty) == (0, 14)
    assert readings(replay, ticks[0])[2] == ("household_power_1min_first12days", "Voltage", 1166289840000, 234.84)


def test_the_measured_buses_are_all_replayed(test_data: Path) -> None:
    options = ColumnOptions(meter="vehicle_id", time="timestamp", value=["speed", "latitude", "longitude"])
    replay = open_recordings(test_data / "bus_capmetro", options)
    assert sum(len(tick.values) for tick in replay.ticks()) == 3 * (44_564 + 34_501)
    assert replay.rejected.counts == {"columns": 2}
