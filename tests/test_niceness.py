"""Provenance daemons let pipeline daemons on the same machine go first."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headwater.config.ports import free_ports
from headwater.node import PROVENANCE_NICENESS


@contextmanager
def running(*arguments: str) -> Iterator[int]:
    """A daemon that has said that it answers; its pid."""
    command = [sys.executable, "-m", "headwater.cli.main", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert any(" on port " in line for line in process.stderr)
            yield process.pid
        finally:
            process.terminate()
            process.wait(30)


def niceness(pid: int) -> int:
    return os.getpriority(os.PRIO_PROCESS, pid) - os.getpriority(os.PRIO_PROCESS, 0)


def test_an_agent_is_nicer_than_the_gateway_of_its_node(tmp_path: Path) -> None:
    node = ("--node", "000001", "--data", str(tmp_path))
    listen = f"127.0.0.1:{free_ports(1)[0]}"
    with (
        running("gateway", *node, "--port", str(free_ports(1)[0])) as gateway,
        running("agent", *node, "--listen", listen) as agent,
    ):
        assert niceness(gateway) == 0
        assert niceness(agent) == PROVENANCE_NICENESS
