"""Addresses of Unix sockets, which hold 108 bytes and no more."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

ADDRESS_BYTES_MAX = 100


@contextlib.contextmanager
def short_address(path: Path) -> Iterator[str]:
    """A name of a path that fits an address, good for as long as the context lasts; OSError when its folder is gone."""
    if len(os.fsencode(path)) < ADDRESS_BYTES_MAX:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
