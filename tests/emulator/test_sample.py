"""The sample of recordings is of the format of 2018, and always the same."""

from pathlib import Path

import pytest

from headwater.emulator.csv2018 import parse_value
from headwater.emulator.csv_columns import ColumnOptions
from headwater.emulator.recordings import open_recordings
from headwater.emulator.sample import value_text, write_sample


@pytest.mark.parametrize("value", [0.0, 237.53, -1.5, 1e-7, 99999.9])
def test_a_value_is_written_as_it_is_read(value: float) -> None:
    assert parse_value(value_text(value)) == value


def test_a_sample_replays_and_is_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_sample(tmp_path / name, meters=2, ticks=4)
    files = sorted((tmp_path / "one").iterdir())
    assert [file.name for file in files] == ["31400010000000000.csv", "31400010000000001.csv"]
    assert [file.read_bytes() for file in files] == [(tmp_path / "other" / file.name).read_bytes() for file in files]
    replay = open_recordings(tmp_path / "one", ColumnOptions())
    assert sum(len(tick.values) for tick in replay.ticks()) == 2 * 3 * 4
    assert replay.rejected.total == 0
