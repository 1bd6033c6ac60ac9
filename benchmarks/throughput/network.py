"""A network of its own: a host each for sensor, gateway, endpoint and server, and the bytes on every link between them.

Linux network namespaces joined by veth pairs with an MTU of 1,500, made inside a new user and network namespace: no
root is needed, other traffic stays out, and everything is gone when the process ends.
"""

import json
import os
import shutil
import subprocess
import sys
from typing import NamedTuple

INSIDE_KEY = "HEADWATER_BENCH_NETWORK"
HOSTS = ("sensor", "gateway", "endpoint", "server")


class Link(NamedTuple):
    """A veth pair: the left host has address 10.N.0.1, the right one 10.N.0.2."""

    number: int
    left: str
    right: str

    @property
    def name(self) -> str:
        return f"{self.left}-{self.right}"

    def address(self, host: str) -> str:
        """Where a host is reached on this link."""
        return f"10.{self.number}.0.{1 if host == self.left else 2}"


ENTRY = Link(1, "sensor", "gateway")
HOP = Link(2, "gateway", "endpoint")
STAMPS = Link(3, "gateway", "server")
END_STAMPS = Link(4, "endpoint", "server")
LINKS = (ENTRY, HOP, STAMPS, END_STAMPS)


def enter() -> None:
    """Run this program again inside new namespaces; returns once it is there. SystemExit says what is missing."""
    if os.environ.get(INSIDE_KEY):
        return
    missing = ", ".join(tool for tool in ("unshare", "nsenter", "ip") if shutil.which(tool) is None)
    if missing:
        sys.exit(f"this benchmark needs {missing}; on Debian or Ubuntu: apt-get install util-linux iproute2")
    command = ["unshare", "--user", "--map-root-user", "--net", "--mount"]
    if subprocess.run([*command, "true"], check=False, capture_output=True).returncode:
        sys.exit("this benchmark needs network namespaces, which this machine does not allow: run it as root")
    os.environ[INSIDE_KEY] = "1"
    os.execvp(command[0], [*command, sys.executable, "-m", "benchmarks.throughput", *sys.argv[1:]])


def build() -> None:
    """Make the hosts and their links; only inside `enter`."""
    _run("mount", "-t", "tmpfs", "none", "/run")
    for host in HOSTS:
        _run("ip", "netns", "add", host)
        _run("ip", "-n", host, "link", "set", "lo", "up")
    for link in LINKS:
        ends = [(link.left, f"{link.right}{link.number}"), (link.right, f"{link.left}{link.number}")]
        (left, left_end), (right, right_end) = ends
        pair = ["type", "veth", "peer", "name", right_end, "netns", right]
        _run("ip", "link", "add", left_end, "netns", left, *pair)
        for host, end in ends:
            # Without segmentation offload, so that every packet counts with its headers.
            _run("ip", "-n", host, "link", "set", end, "mtu", "1500", "gso_max_segs", "1", "up")
            _run("ip", "-n", host, "address", "add", f"{link.address(host)}/24", "dev", end)


def inside(host: str) -> list[str]:
    """What a command begins with to run on a host."""
    return ["nsenter", f"--net=/run/netns/{host}"]


def link_bytes() -> dict[str, int]:
    """The bytes that went over each link so far, both ways, all headers included."""
    return {link.name: _counted(link) for link in LINKS}


def _counted(link: Link) -> int:
    shown = _run("ip", "-n", link.left, "-s", "-j", "link", "show", f"{link.right}{link.number}")
    counters = json.loads(shown)[0]["stats64"]
    return int(counters["rx"]["bytes"]) + int(counters["tx"]["bytes"])


def _run(*command: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
