"""The nursery: its children are real processes, and none outlives whoever holds it."""

import contextlib
import os
import resource
import signal
import time
from pathlib import Path

import pytest

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


def test_it_starts_from_a_process_with_thousands_of_descriptors(tmp_path: Path) -> None:
    with contextlib.ExitStack() as opened:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < 2_000:
            pytest.skip(f"machine cannot: only {hard} descriptors are allowed")
        opened.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2_000), hard))
        for _ in range(1_100):
            opened.enter_context(open(os.devnull))
        with Nursery() as nursery:
            pid = nursery.start(["nonsense"], {NOTES_KEY: str(tmp_path)}, tmp_path / "output")
            assert ended(nursery, pid) == 2


def gateway(folder: Path) -> list[str]:
    return ["gateway", "--node", "000001", "--data", str(folder.with_suffix(".data")), "--port", "1"]


def ended(nursery: Nursery, pid: int) -> int | None:
    deadline = time.monotonic() + 60
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
