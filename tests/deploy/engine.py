"""A small engine for containers: boxes with a file system, processes, network and user of their own, without Docker.

It runs inside namespaces of its own (`contained_command`), so that nothing is left of it whatever happens. A name is
known in the network once its pod has started, as Docker's DNS has it. Its processes look like those of a supervisor.
"""

import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from headwater.cli.supervisor import ProcessState
from headwater.model.errors import HeadwaterError
from headwater.wire.notify import READY, SOCKET_KEY
from tests.deploy.boxes import Box, Mount, Pod
from tests.deploy.images import Image
from tests.deploy.inside import CLONE_NEWNET, LIBC

NAMESPACES = (
    *("setpriv", "--pdeathsig=KILL"),
    *("unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child"),
)
TOOLS = ("unshare", "nsenter", "ip", "mount", "setpriv")
HUB = "10.77.0.1"
NOTIFY = "/run/headwater-notify"
GRACE_S = 60.0
PROBE_S = 90.0
LINES = 40
UNPRIVILEGED = ("--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--")


def problem() -> str:
    """Why there can be no containers here; empty when there can."""
    if missing := ", ".join(tool for tool in TOOLS if shutil.which(tool) is None):
        return f"containers need {missing}; on Debian or Ubuntu: apt-get install util-linux iproute2"
    probe = "mkdir $0/a $0/b $0/c; mount -t tmpfs t $0/a && mkdir $0/a/u $0/a/w && "
    probe += "mount -t overlay o -o lowerdir=/,upperdir=$0/a/u,workdir=$0/a/w $0/b && "
    probe += "unshare --net ip link add probe0 type bridge"
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([*NAMESPACES, "sh", "-c", probe, folder], check=False, capture_output=True, text=True)
    return (
        f"containers need root with namespaces, overlays and bridges: {done.stderr.strip()}" if done.returncode else ""
    )


def contained_command(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of Python in namespaces of its own, but for the network; all ends with it."""
    return [*NAMESPACES, sys.executable, "-m", module, *arguments]


def settle_files() -> None:
    """Make this process's namespaces usable; the first thing inside `contained_command`."""
    _run("mount", "--make-rprivate", "/")
    _run("mount", "-t", "proc", "proc", "/proc")


def settle_network() -> None:
    """From here on with a network of its own, which containers are in; before, that of the machine was there."""
    if failed := LIBC.unshare(CLONE_NEWNET):
        raise HeadwaterError(f"a network of its own: {failed}")
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "link", "add", "hub", "type", "bridge")
    _run("ip", "address", "add", f"{HUB}/16", "dev", "hub")
    _run("ip", "link", "set", "hub", "up")


_numbers = itertools.count(1)


class Running:
    """A box that was started."""

    def __init__(self, box: Box, pod: Pod) -> None:
        self.box = box
        self.pod = pod
        self.process: subprocess.Popen[bytes] | None = None
        self.pid_file = Path()
        self.restarts = 0
        self.notified: socket.socket | None = None
        self.told: list[bytes] = []
        self.may_end = box.restarts != "always"
        self.state = "waiting"
        self.exit_code: int | None = None
        self.lines: list[str] = []

    @property
    def pid(self) -> int | None:
        with suppress(OSError, ValueError):
            return int(self.pid_file.read_text()) if self.state == "running" else None
        return None


class Engine:
    """Runs pods. `start` gives them their network; leaving stops everything."""

    def __init__(self, pods: Sequence[Pod], images: dict[str, Image], folder: Path) -> None:
        self.pods = tuple(pods)
        self._images = images
        self._folder = folder
        self._boxes = [Running(box, pod) for pod in pods for box in pod.boxes]
        self._networks: dict[str, subprocess.Popen[bytes]] = {}
        self._hosts = folder / "hosts"
        self._stopping = False
        self._threads: list[threading.Thread] = []

    # ---- as a supervisor ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start all pods in the order given."""
        self._prepare()
        for pod in self.pods:
            self.start_pod(pod)

    def processes(self) -> list[ProcessState]:
        return [
            ProcessState(
                name=one.box.name,
                state=one.state,
                pid=one.pid,
                restarts=one.restarts,
                exit_code=one.exit_code,
                started_ms=0,
                listen=None,
            )
            for one in self._boxes
        ]

    def stop(self) -> None:
        """SIGTERM to all, as an engine does it; HeadwaterError when one of them does not end of it."""
        self._stopping = True
        late = []
        for one in self._boxes:
            if one.process is not None:
                one.process.terminate()
        deadline = time.monotonic() + GRACE_S
        for one in self._boxes:
            if one.process is None:
                continue
            try:
                one.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                late.append(one.box.name)
                one.process.kill()
        for thread in self._threads:
            thread.join(GRACE_S)
        for one in self._boxes:
            if one.notified is not None:
                one.notified.close()
        for network in self._networks.values():
            network.kill()
            network.wait()
        if late:
            raise HeadwaterError(f"did not stop within {GRACE_S:.0f} s of SIGTERM: {', '.join(late)}")

    # ---- containers --------------------------------------------------------------------------------------------------

    def restarted(self) -> list[str]:
        """The boxes that ended unasked, with their last words."""
        return [f"{one.box.name}: {' / '.join(one.lines[-3:])}" for one in self._boxes if one.restarts]

    def let_end(self, names: Iterable[str]) -> None:
        """Do not start boxes again that end by themselves, as if somebody had scaled them to none."""
        for one in self._boxes:
            if one.box.name in names:
                one.may_end = True

    def said(self, name: str) -> list[str]:
        """The last lines of a box."""
        return next(one.lines for one in self._boxes if one.box.name == name)

    def unhealthy(self, timeout_s: float) -> list[str]:
        """Wait until every probe says that its box serves; what those say that do not, when the time is over."""
        waiting = [one for one in self._boxes if one.box.probe or one.box.notifies]
        deadline = time.monotonic() + timeout_s
        said: dict[str, str] = {}
        while waiting and time.monotonic() < deadline:
            for one in list(waiting):
                said[one.box.name] = self.probe(one)
                if not said[one.box.name]:
                    waiting.remove(one)
            time.sleep(0.2)
        return [f"{one.box.name}: {said.get(one.box.name)} {' / '.join(one.lines[-3:])}" for one in waiting]

    def probe(self, one: Running) -> str:
        """What the health check of a box says inside it; empty when it serves."""
        if one.notified is not None:
            with suppress(BlockingIOError):
                while True:
                    one.told.append(one.notified.recv(4096))
            return "" if READY in one.told else "has not said that it serves"
        pid = one.pid
        if pid is None:
            return "does not run"
        enter = ["nsenter", f"--target={pid}", *("--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd")]
        command = [*enter, *_unprivileged(one.box), *one.box.probe]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=PROBE_S, env=self._environment(one.box)
            )
        except subprocess.TimeoutExpired:
            return "no answer"
        return "" if done.returncode == 0 else (done.stderr or done.stdout or "ended otherwise").strip()

    def start_pod(self, pod: Pod) -> None:
        """Give a pod its network and its names, and start its boxes."""
        number = next(_numbers)
        address = f"10.77.{number // 250}.{number % 250 + 2}"
        if pod.is_here:
            with self._hosts.open("a") as hosts:
                hosts.write(f"{HUB} {' '.join(pod.hosts)}\n")
            self._start_boxes(pod, os.getpid())
            return
        network = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        self._networks[pod.name] = network
        _until_unshared(network.pid)
        ends = (f"veth{number}", "eth0")
        _run("ip", "link", "add", ends[0], "type", "veth", "peer", "name", ends[1], "netns", str(network.pid))
        _run("ip", "link", "set", ends[0], "master", "hub", "up")
        inside = ("nsenter", f"--target={network.pid}", "--net", "ip")
        _run(*inside, "link", "set", "lo", "up")
        _run(*inside, "address", "add", f"{address}/16", "dev", "eth0")
        _run(*inside, "link", "set", "eth0", "up")
        with self._hosts.open("a") as hosts:
            hosts.write(f"{address} {' '.join(pod.hosts)}\n")
        self._start_boxes(pod, network.pid)

    def _start_boxes(self, pod: Pod, network: int) -> None:
        for one in self._boxes:
            if one.pod is pod:
                if one.box.notifies:
                    one.notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
                    place = self._folder / f"{one.box.name}.notify"
                    one.notified.bind(str(place))
                    place.chmod(0o777)
                thread = threading.Thread(target=self._keep, args=(one, network), daemon=True)
                thread.start()
                self._threads.append(thread)

    def _prepare(self) -> None:
        self._hosts.write_text("127.0.0.1 localhost\n")
        (self._folder / "resolv.conf").write_text("")
        scratch = self._folder / "boxes"
        scratch.mkdir()
        _run("mount", "-t", "tmpfs", "boxes", str(scratch))
        for own, name in (("/etc/hosts", "hosts"), ("/etc/resolv.conf", "resolv.conf")):
            _run("mount", "--bind", str(self._folder / name), os.path.realpath(own))

    def _keep(self, one: Running, network: int) -> None:
        """Run a box, and again as its policy says."""
        while not self._stopping:
            process = one.process = self._spawn(one, network)
            one.state = "running"
            assert process.stdout is not None
            for line in process.stdout:
                one.lines = [*one.lines[-LINES:], line.decode(errors="replace").rstrip()]
            one.exit_code = process.wait()
            if self._stopping or (one.exit_code == 0 and one.may_end):
                one.state = "stopped" if self._stopping else "finished"
                return
            one.state = "waiting"
            one.restarts += 1
            time.sleep(1.0)

    def _spawn(self, one: Running, network: int) -> subprocess.Popen[bytes]:
        box, image = one.box, self._images[one.box.image]
        home = self._folder / "boxes" / f"{box.name}-{one.restarts}"
        for part in ("upper", "work", "root"):
            (home / part).mkdir(parents=True)
        one.pid_file = home / "pid"
        for mount in box.mounts:
            if mount.source is not None and not Path(mount.source).exists():
                Path(mount.source).mkdir(parents=True)
                # An engine gives a fresh volume to whom the folder in the image belongs.
                os.chown(mount.source, box.user, box.user)
        files = [
            Mount(target=f"/etc/{name}", source=str(self._folder / name), is_read_only=True)
            for name in ("hosts", "resolv.conf")
        ]
        if box.notifies:
            files.append(Mount(target=NOTIFY, source=str(self._folder / f"{box.name}.notify")))
        lower = ":".join(str(layer) for layer in image.layers)
        spec = {
            "name": box.name,
            "network": network,
            "pid_file": str(one.pid_file),
            "root": str(home / "root"),
            "overlay": f"lowerdir={lower},upperdir={home / 'upper'},workdir={home / 'work'}",
            "opened": image.opened,
            "mounts": msgspec.to_builtins([*box.mounts, *image.mounts, *files]),
            "is_read_only": box.is_read_only,
            "folder": image.folder,
            "command": [*_unprivileged(box), *(() if box.is_whole_command else image.entrypoint), *box.command],
            "environment": self._environment(box),
        }
        command = [sys.executable, str(Path(__file__).with_name("inside.py")), json.dumps(spec)]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def _environment(self, box: Box) -> dict[str, str]:
        notify = {SOCKET_KEY: NOTIFY} if box.notifies else {}
        return {**self._images[box.image].environment, "HOSTNAME": box.name, **box.environment, **notify}


def _unprivileged(box: Box) -> list[str]:
    return ["setpriv", f"--reuid={box.user}", f"--regid={box.user}", *UNPRIVILEGED]


def _until_unshared(pid: int) -> None:
    """Wait until a process has a network of its own."""
    ours = os.readlink("/proc/self/ns/net")
    while os.readlink(f"/proc/{pid}/ns/net") == ours:
        time.sleep(0.002)


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise HeadwaterError(f"{' '.join(command)}: {done.stderr.strip()}")
