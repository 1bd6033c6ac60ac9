"""A network of its own: hosts, the links between them, and the bytes and faults on every link.

Linux network namespaces joined by veth pairs with an MTU of 1,500, made inside a new user and network namespace: no
root is needed, other traffic stays out, and everything is gone when the process ends.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

INSIDE_KEY = "HEADWATER_BENCH_NETWORK"
_TOOLS = ("unshare", "nsenter", "ip", "tc")
_UNSHARE = ("unshare", "--user", "--map-root-user", "--net", "--mount")


class Link(NamedTuple):
    """A veth pair: the left host has address 10.N.0.1, the right one 10.N.0.2."""

    number: int
    """1 to 199, of each link another."""
    left: str
    right: str

    @property
    def name(self) -> str:
        return f"{self.left}-{self.right}"

    @property
    def device(self) -> str:
        """What both ends are called, each in its host."""
        return f"link{self.number}"

    def address(self, host: str) -> str:
        """Where a host is reached on this link."""
        return f"10.{self.number}.0.{1 if host == self.left else 2}"

    def other(self, host: str) -> str:
        """The host at the other end."""
        return self.right if host == self.left else self.left


class Counted(NamedTuple):
    """Bytes of one end of a link, all headers included."""

    received: int
    sent: int


def problem() -> str:
    """Why there can be no network of its own here; empty when there can."""
    missing = ", ".join(tool for tool in _TOOLS if shutil.which(tool) is None)
    if missing:
        return f"it needs {missing}; on Debian or Ubuntu: apt-get install util-linux iproute2"
    if subprocess.run([*_UNSHARE, "true"], check=False, capture_output=True).returncode:
        return "it needs network namespaces, which this machine does not allow: run it as root"
    return ""


def is_inside() -> bool:
    """Whether this program runs in namespaces of its own already."""
    return bool(os.environ.get(INSIDE_KEY))


def enter(module: str) -> None:
    """Run a module again with the same arguments inside new namespaces; returns once it is there.

    SystemExit says what is missing.
    """
    if is_inside():
        return
    if why := problem():
        sys.exit(f"this benchmark measures on a network of its own: {why}")
    os.environ[INSIDE_KEY] = "1"
    os.execvp(_UNSHARE[0], [*_UNSHARE, sys.executable, "-m", module, *sys.argv[1:]])


class Network:
    """Hosts and links. Each host has an address of its own too, reached by its neighbours over their link."""

    def __init__(self, links: Sequence[Link]) -> None:
        self.links = tuple(links)
        self.hosts = tuple(dict.fromkeys(host for link in links for host in (link.left, link.right)))

    def own_address(self, host: str) -> str:
        """The address of a host that is the same for all its neighbours."""
        return f"10.200.0.{1 + self.hosts.index(host)}"

    def build(self) -> None:
        """Make the hosts and their links; only inside `enter`."""
        _run("mount", "-t", "tmpfs", "none", "/run")
        for host in self.hosts:
            _run("ip", "netns", "add", host)
            _run("ip", "-n", host, "link", "set", "lo", "up")
            _run("ip", "-n", host, "address", "add", f"{self.own_address(host)}/32", "dev", "lo")
        for link in self.links:
            pair = ["type", "veth", "peer", "name", link.device, "netns", link.right]
            _run("ip", "link", "add", link.device, "netns", link.left, *pair)
            for host in (link.left, link.right):
                # Without addresses of version 6, which their host would announce whenever it likes.
                _run("ip", "-n", host, "link", "set", link.device, "addrgenmode", "none")
                # Without segmentation offload, so that every packet counts with its headers.
                _run("ip", "-n", host, "link", "set", link.device, "mtu", "1500", "gso_max_segs", "1", "up")
                _run("ip", "-n", host, "address", "add", f"{link.address(host)}/24", "dev", link.device)
        for link in self.links:
            self._route(link)

    def between(self, one: str, other: str) -> Link:
        """The link between two hosts; KeyError when there is none."""
        for link in self.links:
            if {one, other} == {link.left, link.right}:
                return link
        raise KeyError(f"no link between {one} and {other}")

    def of(self, host: str) -> list[Link]:
        """The links of a host."""
        return [link for link in self.links if host in (link.left, link.right)]

    def counted(self, link: Link, host: str) -> Counted:
        """The bytes that a host received and sent on a link so far."""
        counters = json.loads(_run("ip", "-n", host, "-s", "-j", "link", "show", link.device))[0]["stats64"]
        return Counted(int(counters["rx"]["bytes"]), int(counters["tx"]["bytes"]))

    def link_bytes(self) -> dict[str, int]:
        """The bytes that went over each link so far, both ways."""
        return {link.name: sum(self.counted(link, link.left)) for link in self.links}

    def cut(self, link: Link) -> None:
        """Take a link down: both ends see that it is."""
        _run("ip", "-n", link.left, "link", "set", link.device, "down")

    def join(self, link: Link) -> None:
        """Take a link up again."""
        _run("ip", "-n", link.left, "link", "set", link.device, "up")
        self._route(link)

    def swallow(self, link: Link) -> None:
        """Drop every packet on a link, and tell nobody."""
        for host in (link.left, link.right):
            _run("tc", "-n", host, "qdisc", "replace", "dev", link.device, "root", "blackhole")

    def pass_on(self, link: Link) -> None:
        """Pass packets again."""
        for host in (link.left, link.right):
            _run("tc", "-n", host, "qdisc", "delete", "dev", link.device, "root")

    def _route(self, link: Link) -> None:
        # A link that goes down takes the routes over it away.
        for host in (link.left, link.right):
            other = link.other(host)
            _run("ip", "-n", host, "route", "replace", f"{self.own_address(other)}/32", "via", link.address(other))


def inside(host: str) -> list[str]:
    """What a command begins with to run on a host."""
    return ["nsenter", f"--net=/run/netns/{host}"]


def _run(*command: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
