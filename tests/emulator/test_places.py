"""Journals that one emulator has, and that several share."""

from contextlib import closing
from pathlib import Path

import pytest

from headwater.emulator.options import SensorOptions
from headwater.emulator.places import open_journal
from headwater.model.errors import Unavailable


def test_a_journal_has_one_emulator(tmp_path: Path) -> None:
    alone = SensorOptions(journal=tmp_path / "j")
    with closing(open_journal(alone)) as disk:
        assert disk.folder == tmp_path / "j"
        with pytest.raises(Unavailable, match="already has a writer"):
            open_journal(alone)


def test_emulators_that_share_a_journal_have_a_place_each(tmp_path: Path) -> None:
    shared = SensorOptions(journal=tmp_path / "j", shared_journal=True)
    with closing(open_journal(shared)) as first, closing(open_journal(shared)) as second:
        assert [disk.folder for disk in (first, second)] == [tmp_path / "j/1", tmp_path / "j/2"]


def test_the_place_of_one_that_is_gone_is_taken_before_a_fresh_one(tmp_path: Path) -> None:
    shared = SensorOptions(journal=tmp_path / "j", shared_journal=True)
    gone = open_journal(shared)
    with closing(open_journal(shared)):
        gone.close()
        with closing(open_journal(shared)) as next_one:
            assert next_one.folder == tmp_path / "j/1"
