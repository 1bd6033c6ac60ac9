"""What the processes say: times in UTC, and not each request that the dashboard makes."""

import subprocess
import sys

import pytest

SAYS = (
    "import logging; from headwater.cli.logs import configure; configure({verbose});"
    "logging.getLogger('ours').info('heard'); logging.getLogger('httpx').info('GET /v1/totals')"
)


@pytest.mark.parametrize("verbose", [False, True])
def test_requests_are_told_only_when_asked_for(verbose: bool) -> None:
    command = [sys.executable, "-c", SAYS.format(verbose=verbose)]

    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr

    assert "INFO heard" in said
    assert ("GET /v1/totals" in said) == verbose
