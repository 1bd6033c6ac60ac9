"""What all tests share: measured data, hypothesis profiles, what begins first, and that nothing is skipped or left."""

import contextlib
import gc
import os
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.services.fixtures", "tests.store.keyspaces"]

MACHINE_CANNOT = "machine cannot:"

settings.register_profile(
    "default", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)  # A machine that is busy elsewhere is slow.
settings.register_profile("thorough", settings.get_profile("default"), max_examples=5_000)
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "default")
settings.load_profile(PROFILE)
ENDING_S_MAX = 10.0
"""How long a process may still be about to end."""
THOROUGH_S_MAX = 3600
"""How long one test may take that tries so many examples, fifty times as many."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What may take longest begins first: one worker has those one after the other, the rest run beside them."""
    for item in items if PROFILE == "thorough" else ():
        if getattr(getattr(item, "function", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.timeout(THOROUGH_S_MAX))
    items.sort(key=_seconds_max, reverse=True)


def _seconds_max(item: pytest.Item) -> float:
    """How long a test may take when that is more than usual."""
    marker = item.get_closest_marker("timeout")
    return float(marker.args[0]) if marker is not None else 0.0


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of measured data that `HEADWATER_TEST_DATA` names; tests that need it are skipped without."""
    named = os.environ.get("HEADWATER_TEST_DATA")
    if not named:
        pytest.skip("needs HEADWATER_TEST_DATA, the folder with the measured data")
    folder = Path(named)
    assert folder.is_dir(), f"HEADWATER_TEST_DATA names {folder}, which is not a folder"
    return folder


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A long-lived process would run out of what a test leaves open; a test for each owner would not find the next.

    Nor is a process left that has a folder of a test on its command line.
    """
    yield
    gc.collect()
    base = str(tmp_path_factory.getbasetemp())
    left = [opened for opened in _opened() if opened.startswith(base)]
    assert not left, f"still open when all tests were done: {left[:5]}, {len(left)} in all"
    deadline_s = time.monotonic() + ENDING_S_MAX
    while (left := _running(base)) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    assert not left, f"still running when all tests were done: {left[:5]}, {len(left)} in all"


def _opened() -> Iterator[str]:
    """What the descriptors of this process stand for."""
    for descriptor in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            yield os.readlink(f"/proc/self/fd/{descriptor}")


def _running(base: str) -> list[str]:
    """The command lines that name something in a folder."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            lines.append(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in lines if f"{base}/" in line]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _refuse_skip_in_ci(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _refuse_skip_in_ci(report)
    return report


def _refuse_skip_in_ci(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure when CI=true, unless its reason begins with `machine cannot:`."""
    if os.environ.get("CI") != "true" or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = reason.removeprefix("Skipped: ")
    if not reason.startswith(MACHINE_CANNOT):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {reason}"
