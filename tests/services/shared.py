"""One server for all workers of a run of tests: started by the first that asks, gone when the last has gone.

Everyone who uses the server holds a shared lock on a file in its folder. Run as `python -m tests.services.shared NAME
FOLDER`, this module keeps the server until it gets that lock for itself, which the system sees to however workers end.
"""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from headwater.model.errors import HeadwaterError
from headwater.services.catalogue import service


@contextmanager
def shared_server(name: str, folder: Path) -> Iterator[Mapping[str, str]]:
    """The addresses of a server in a folder that all workers know, by the names of its ports."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        yield _addresses(name, folder)


def _addresses(name: str, folder: Path) -> Mapping[str, str]:
    """Of the server that runs there, which is started when it does not."""
    told = folder / "addresses.json"
    with (folder / "starting").open("w") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        if not told.exists():
            command = [sys.executable, "-m", "tests.services.shared", name, str(folder)]
            keeper = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
            assert keeper.stdout is not None
            with keeper.stdout:
                said = keeper.stdout.read().decode()
            assert told.exists(), said
            keeper.returncode = 0  # It goes on without us.
    return {str(port): str(address) for port, address in json.loads(told.read_text()).items()}


def keep(name: str, folder: Path) -> int:
    """Keep a server until nobody uses it."""
    told = folder / "addresses.json"
    kept = service(name, folder / "state")
    try:
        with kept, (folder / "users").open() as users:
            written = folder / "addresses.new"
            written.write_text(json.dumps(dict(kept.addresses)))
            written.rename(told)
            os.close(1)  # Whoever started this reads until here.
            fcntl.flock(users, fcntl.LOCK_EX)
            told.unlink()
            kept.kill()
    except HeadwaterError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(keep(sys.argv[1], Path(sys.argv[2])))
