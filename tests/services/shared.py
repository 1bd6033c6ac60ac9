"""Servers for all workers of a run of tests: started by the first that asks, gone when the last has gone.

Everyone who uses them holds a shared lock on a file in their folder. Run as `python -m tests.services.shared FOLDER
NAME...`, this module keeps the servers until it gets that lock for itself, which it does however the workers end.
"""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from headwater.model.errors import HeadwaterError
from headwater.services.cassandra import OPTIONS_KEY
from headwater.services.catalogue import services

UNSAFE = "-Dcassandra.unsafesystem=true"
"""Tables are made without writing to the disk what there is: nobody starts a shared server again on its folder."""
ROOT = Path(__file__).parents[2]
Addresses = Mapping[str, str]
"""host:port by the name of the port."""


@contextmanager
def shared_servers(names: Sequence[str], folder: Path) -> Iterator[Mapping[str, Addresses]]:
    """The addresses of servers by name; they know of each other. Their folder is one that all workers know."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        yield _addresses(names, folder)


def _addresses(names: Sequence[str], folder: Path) -> Mapping[str, Addresses]:
    """Of the servers that run there, which are started when they do not."""
    told = folder / "addresses.json"
    with (folder / "starting").open("w") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        if not told.exists():
            command = [sys.executable, "-m", "tests.services.shared", str(folder), *names]
            environment = {**os.environ, OPTIONS_KEY: UNSAFE}
            keeper = subprocess.Popen(
                command, cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True, env=environment
            )
            assert keeper.stdout is not None
            with keeper.stdout:
                said = keeper.stdout.read().decode()
            assert told.exists(), said
            keeper.returncode = 0  # It goes on without us.
    return msgspec.json.decode(told.read_bytes(), type=dict[str, dict[str, str]])


def keep(folder: Path, names: Sequence[str]) -> int:
    """Keep servers until nobody uses them."""
    told = folder / "addresses.json"
    kept = services({name: folder / name for name in names})
    with ExitStack() as running, (folder / "users").open() as users:
        try:
            for server in kept:
                running.callback(server.kill)
                server.start()
            for server in kept:
                server.wait()
        except HeadwaterError as error:
            print(error)
            return 1
        written = folder / "addresses.new"
        written.write_bytes(msgspec.json.encode({server.name: dict(server.addresses) for server in kept}))
        written.rename(told)
        os.close(1)  # Whoever started this reads until here.
        fcntl.flock(users, fcntl.LOCK_EX)
        told.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(keep(Path(sys.argv[1]), sys.argv[2:]))
