"""The lifeline: who has one ends when its supervisor does, and who has none is left alone."""

import os
import signal
import subprocess
import sys

import pytest

from headwater.cli.lifeline import PIPE_KEY, hold

CHILD = """
import os, signal, sys
from headwater.cli import lifeline
if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(lifeline.hold(os.environ, grace_s=0.1), "HEADWATER_PARENT_PIPE" in os.environ, flush=True)
signal.pause()
"""


def child(pipe: int, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, PIPE_KEY: str(pipe)},
        pass_fds=(pipe,),
    )


@pytest.mark.parametrize(("manners", "signal_number"), [("civil", signal.SIGTERM), ("deaf", signal.SIGKILL)])
def test_a_child_ends_when_the_pipe_breaks(manners: str, signal_number: int) -> None:
    reading, writing = os.pipe()
    with child(reading, manners) as process:
        os.close(reading)
        assert process.stdout is not None
        assert process.stdout.readline() == "True False\n"
        assert process.poll() is None
        os.close(writing)
        assert process.wait(60) == -signal_number


@pytest.mark.parametrize("named", ["", "x", "-1", "999999"])
def test_without_a_pipe_there_is_no_lifeline(named: str) -> None:
    assert not hold({PIPE_KEY: named})
    assert not hold({})
