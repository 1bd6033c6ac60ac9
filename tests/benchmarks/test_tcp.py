"""Bytes of processes on loopback: what `ss` says of connections, and real ones."""

import os
import socket
import subprocess
import sys

import pytest

from benchmarks.grid.network import Counted
from benchmarks.grid.tcp import HEADER_BYTES, End, Seen, Watch, by_component, of_path, problem, seen

SHOWN = (
    'ESTAB 0 0 127.0.0.1:5001 127.0.0.1:36044 users:(("python3",pid=7,fd=5)) ino:1 sk:2 ts sack mss:32768 '
    "bytes_received:5000 segs_out:1 segs_in:3 bbr:(bw:0bps,mrtt:0.015) send 174bps\n"
    "ESTAB 0 0 127.0.0.1:9 127.0.0.1:8 ino:1 sk:2 bytes_received:1\n"
)
SENDER = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as opened:
    opened.sendall(b"x" * 1000)
    opened.recv(1)
"""
A, B = End("127.0.0.1:1", "127.0.0.1:2"), End("127.0.0.1:2", "127.0.0.1:1")


def test_a_connection_counts_its_bytes_and_a_header_for_each_segment() -> None:
    ends = seen(SHOWN)

    assert ends == {
        End("127.0.0.1:5001", "127.0.0.1:36044"): Seen(7, Counted(5000 + 3 * HEADER_BYTES, HEADER_BYTES)),
    }


def test_what_stays_within_a_component_is_not_counted() -> None:
    ends = {A: Seen(1, Counted(10, 20)), B: Seen(2, Counted(20, 10))}

    assert by_component(ends, {1: "node", 2: "node"}.get) == {}
    assert by_component(ends, {1: "node", 2: "server"}.get) == {"node": Counted(10, 20), "server": Counted(20, 10)}


def test_a_link_is_counted_once_by_the_end_that_has_seen_more() -> None:
    ends = {A: Seen(1, Counted(10, 20)), B: Seen(2, Counted(15, 10))}

    assert of_path(ends, {1: "node", 2: "server"}.get) == 30
    assert of_path(ends, {3: "node"}.get) == 0


def test_real_connections_are_counted_also_when_the_process_is_gone() -> None:
    if why := problem():
        pytest.skip(f"machine cannot: {why}")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        with subprocess.Popen([sys.executable, "-c", SENDER, str(listening.getsockname()[1])]) as sender:
            watch = Watch(lambda: {"receiver": [os.getpid()], "sender": [sender.pid]})
            accepted, _ = listening.accept()
            with accepted:
                accepted.recv(1000, socket.MSG_WAITALL)
                counted, path = watch.now()
                accepted.sendall(b"y")
                sender.wait()
        after, _ = watch.now()

    assert 1000 < counted["sender"].sent < 2000
    assert path > 1000
    assert after["sender"].sent >= counted["sender"].sent
