"""Eclipse Mosquitto, an MQTT broker that keeps its sessions and messages in a file, saved at every change."""

import os
from collections.abc import Mapping
from pathlib import Path

from headwater.config.address import LOOPBACK
from headwater.services.needs import Need, Program
from headwater.services.service import Launch, listens

NAME = "mosquitto"
SENTENCE = "Mosquitto, an MQTT broker whose messages gateways take in"
PORTS = ("mqtt",)
PROGRAM = Program("mosquitto", "mosquitto")
CLIENT = Program("mosquitto_pub", "mosquitto-clients")
"""What one sends a message with by hand."""
NEEDS: tuple[Need, ...] = (PROGRAM, CLIENT)
SAVED = "mosquitto.db"
"""The file of sessions and messages."""


def prepare(folder: Path, ports: Mapping[str, int], *lines: str) -> Launch:
    """A broker with more lines in its configuration; without one about that, it asks nobody for a password."""
    address = f"{LOOPBACK}:{ports['mqtt']}"
    configuration = folder / "mosquitto.conf"
    configuration.write_text("\n".join([*_always(folder, ports["mqtt"]), *_anonymous(lines), *lines, ""]))
    return Launch(
        command=(PROGRAM.path(), "-c", str(configuration)),
        addresses={"mqtt": address},
        ready=lambda: listens(address),
        usage=(
            f'broker = "{address}" in a [[node.mqtt]] of a topology file',
            f"mosquitto_pub -h {LOOPBACK} -p {ports['mqtt']} -t plant/boiler -m 21.5",
        ),
    )


def _always(folder: Path, port: int) -> list[str]:
    return [
        f"listener {port} {LOOPBACK}",
        "user root" if os.geteuid() == 0 else "",
        "persistence true",
        f"persistence_location {folder}/",
        "autosave_on_changes true",
        "autosave_interval 1",
        "max_queued_messages 0",
        "set_tcp_nodelay true",
    ]


def _anonymous(lines: tuple[str, ...]) -> list[str]:
    return [] if any(line.startswith("allow_anonymous") for line in lines) else ["allow_anonymous true"]
