"""A real Mosquitto for tests: on a loopback port of its own, with persistence on every change."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from headwater.config.ports import free_ports
from headwater.services import mosquitto
from headwater.services.service import Service
from tests.services.fixtures import need


class Broker(Service):
    """One broker with its folder and port, over all its lives, and more lines in its configuration."""

    def __init__(self, folder: Path, *lines: str) -> None:
        need(mosquitto.NAME)
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(mosquitto.NAME, folder, mosquitto.prepare(folder, {"mqtt": free_ports(1)[0]}, *lines))

    def saved(self) -> bytes:
        """What it has saved of sessions and messages, as a file; nothing before the first time."""
        file = self.folder / mosquitto.SAVED
        return file.read_bytes() if file.exists() else b""


@contextlib.contextmanager
def broker(folder: Path, *lines: str) -> Iterator[Broker]:
    """A broker that answers, with more lines in its configuration; it is gone afterwards."""
    with Broker(folder, *lines) as made:
        yield made
