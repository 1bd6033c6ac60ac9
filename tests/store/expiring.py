"""A process beside a test: kills itself at a point of a deletion, or reads until it is told to end."""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from headwater.model.errors import Unavailable
from headwater.store.catalogue_writer import CatalogueWriter
from headwater.store.files import StoreFiles
from headwater.store.options import SqliteOptions
from tests.store.grids import SITE, point

POINTS = ("in the transaction", "after the transaction", "between two files", "after the files")


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def delete(folder: Path, at: str) -> None:
    """Delete the first period, and be killed at a point."""
    writer = SqliteOptions().open_writer(folder, SITE, lambda: 5)
    unlink = Path.unlink

    def unlink_once(path: Path, missing_ok: bool = False) -> None:
        unlink(path, missing_ok)
        die()

    if at == "in the transaction":
        CatalogueWriter._next_generation = die  # type: ignore[method-assign,assignment]
    elif at == "after the transaction":
        StoreFiles.unlink_period = die  # type: ignore[method-assign,assignment]
    elif at == "between two files":
        Path.unlink = unlink_once  # type: ignore[method-assign,assignment]
    writer.delete_period(1)
    die()


def read(folder: Path, count: str) -> None:
    """Ask for points until all but the last of them have gone: each is there, or has expired, at any time."""
    reader = SqliteOptions().open_reader(folder, SITE)
    ids = [point(1, at) for at in range(int(count))]
    seen = set[int]()
    while True:
        try:
            found = reader.points(ids)
            if len(found) not in seen:
                seen.add(len(found))
                print(len(found), flush=True)
        except Unavailable as error:
            print(f"unavailable: {error}", flush=True)
            continue
        absent = [id for id in ids if id not in found]
        assert set(reader.missing(absent).values()) <= {"expired"}, reader.missing(absent)
        if len(found) == 1:
            break
    reader.close()


if __name__ == "__main__":
    {"delete": delete, "read": read}[sys.argv[1]](Path(sys.argv[2]), sys.argv[3])
