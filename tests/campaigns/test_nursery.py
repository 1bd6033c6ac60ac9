"""The nursery: its children are real processes, and none outlives whoever holds it."""

import os
import signal
import time
from pathlib import Path

from tests.campaigns.disk import NOTES_KEY
from tests.campaigns.nursery import Nursery


def test_children_end_with_their_own_codes_and_say_it(tmp_path: Path) -> None:
    with Nursery() as nursery:
        pid = nursery.start(["nonsense"], {NOTES_KEY: str(tmp_path)}, tmp_path / "output")
        assert ended(nursery, pid) == 2
    assert "nonsense" in (tmp_path / "output").read_text()


def test_no_child_outlives_the_nursery(tmp_path: Path) -> None:
    with Nursery() as nursery:
        pids = [nursery.start(gateway(tmp_path / name), {NOTES_KEY: str(tmp_path)}, tmp_path / name) for name in "ab"]
        nursery.signal(pids[0], signal.SIGSTOP)
    assert not any(map(lives, pids))


def gateway(folder: Path) -> list[str]:
    return ["gateway", "--node", "000001", "--data", str(folder.with_suffix(".data")), "--port", "1"]


def ended(nursery: Nursery, pid: int) -> int | None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for found, code in nursery.ended(0.1):
            if found == pid:
                return code
    return None


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
