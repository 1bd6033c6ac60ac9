"""Nothing fails and every core is busy: nothing is Red. The campaign looks for ten minutes, this for ten seconds."""

import os
from pathlib import Path

import pytest

from tests.campaigns.quiet import LOOKS_MIN, run


@pytest.mark.timeout(300)
def test_nothing_is_red_when_nothing_fails(tmp_path: Path) -> None:
    outcome = run(10.0, os.cpu_count() or 1, tmp_path)

    assert outcome.looks >= LOOKS_MIN
    assert outcome.red == ()
