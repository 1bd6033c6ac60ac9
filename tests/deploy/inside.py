"""Becomes a box: a process of its own root, processes, host name and mounts in the network of a pod.

Run as `python inside.py SPEC` with the JSON of `Spec`: the box is a child, which is the first process there. Signals
pass to it, and its exit code is passed on. Without imports of ours, as it starts once for each box.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
from types import FrameType
from typing import Any

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWNET = (
    *(0x00020000, 0x04000000, 0x08000000),
    *(0x20000000, 0x40000000),
)
PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP)
LIBC = ctypes.CDLL(None, use_errno=True)


def main() -> int:
    spec = json.loads(sys.argv[1])
    with open(f"/proc/{spec['network']}/ns/net", "rb") as network:
        _called(LIBC.setns(network.fileno(), CLONE_NEWNET), "setns")
    _called(LIBC.unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID), "unshare")
    child = os.fork()
    if child == 0:
        _become(spec)

    def pass_on(number: int, frame: FrameType | None) -> None:
        os.kill(child, number)

    for number in PASSED_ON:
        signal.signal(number, pass_on)
    with open(spec["pid_file"], "w") as file:
        file.write(str(child))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF


def _become(spec: dict[str, Any]) -> None:
    """Replace this process by the command of the box."""
    LIBC.sethostname(spec["name"].encode(), len(spec["name"]))
    root = spec["root"]
    _mount("--make-rprivate", "/")
    _mount("-t", "overlay", "overlay", "-o", spec["overlay"], root)
    _mount("-t", "proc", "proc", f"{root}/proc")
    _mount("--bind", "/dev", f"{root}/dev")
    # The interpreter of a test may lie in a home that is closed to others; of an image it does not.
    for folder in spec["opened"]:
        os.chmod(root + folder, 0o755)
    for mount in spec["mounts"]:
        _place(root, mount)
    if spec["is_read_only"]:
        _mount("-o", "remount,bind,ro", root)
    os.chroot(root)
    os.chdir(spec["folder"])
    os.execvpe(spec["command"][0], spec["command"], spec["environment"])


def _place(root: str, mount: dict[str, Any]) -> None:
    target, source = root + mount["target"], mount["source"]
    if source is None:
        os.makedirs(target, exist_ok=True)
        _mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", target)
        return
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    elif not os.path.exists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb"):
            pass
    _mount("--bind", source, target)
    if mount["is_read_only"]:
        _mount("-o", "remount,bind,ro", target)


def _mount(*arguments: str) -> None:
    subprocess.run(("mount", *arguments), check=True)


def _called(result: int, what: str) -> None:
    if result:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    sys.exit(main())
