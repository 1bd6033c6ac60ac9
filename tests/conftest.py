"""What all tests share: measured data, hypothesis profiles, and the rules that nothing is skipped or left open."""

import contextlib
import gc
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

MACHINE_CANNOT = "machine cannot:"

settings.register_profile("default", deadline=None, print_blob=True)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=5_000)
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "default")
settings.load_profile(PROFILE)
THOROUGH_S_MAX = 3600
"""How long one test may take that tries so many examples."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fifty times the examples take fifty times as long."""
    for item in items if PROFILE == "thorough" else ():
        if getattr(getattr(item, "function", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.timeout(THOROUGH_S_MAX))


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
def _no_file_is_left_open(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A long-lived process would run out of what a test leaves open; a test for each owner would not find the next."""
    yield
    gc.collect()
    base = str(tmp_path_factory.getbasetemp())
    left = [opened for opened in _opened() if opened.startswith(base)]
    assert not left, f"still open when all tests were done: {left[:5]}, {len(left)} in all"


def _opened() -> Iterator[str]:
    """What the descriptors of this process stand for."""
    for descriptor in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            yield os.readlink(f"/proc/self/fd/{descriptor}")


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
