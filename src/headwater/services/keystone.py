"""OpenStack Keystone on SQLite as one process: users, projects and tokens for a Swift beside it."""

import base64
import secrets
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from headwater.config.address import LOOPBACK
from headwater.services.needs import Need
from headwater.services.service import Launch, exchanged
from headwater.services.venv import Environment, run

NAME = "keystone"
SENTENCE = "OpenStack Keystone, users and tokens for Swift"
PORTS = ("http",)
USERS = (("admin", "admin", "admin"), ("swift", "swift", "service"), ("demo", "demo", "demo"))
"""Name, password, and the project in which each is an administrator; all in the domain `default`."""
DATABASE = "keystone.db"
MADE_IN = "made"
"""The folder of the environment that holds the database with these users, which takes half a minute to make."""
HEALTH = b"GET /v3 HTTP/1.0\r\n\r\n"
CONFIGURATION = """\
[DEFAULT]
use_stderr = true
[database]
connection = sqlite:///{folder}/{database}
[token]
provider = fernet
[fernet_tokens]
key_repository = {folder}/fernet
[fernet_receipts]
key_repository = {folder}/fernet
[credential]
key_repository = {folder}/credential
[cache]
enabled = false
[identity]
# Quick to check, and to guess: these passwords are in the documentation.
password_hash_rounds = 4
"""


def _make(environment: Environment) -> None:
    folder = environment.folder / MADE_IN
    folder.mkdir()
    configuration = _write(folder)
    words = [word for user in USERS for word in user]
    run(list(environment.command("make_keystone.py", str(configuration), *words)))


ENVIRONMENT = Environment(NAME, _make, f"{USERS}{CONFIGURATION}")
NEEDS: tuple[Need, ...] = (ENVIRONMENT,)


def prepare(folder: Path, ports: Mapping[str, int]) -> Launch:
    """A Keystone that knows the users above, and the Swift that runs beside it."""
    address = f"{LOOPBACK}:{ports['http']}"
    configuration = _write(folder)
    if not (folder / DATABASE).exists():
        new = folder / "new.db"
        shutil.copyfile(ENVIRONMENT.folder / MADE_IN / DATABASE, new)
        new.rename(folder / DATABASE)
    urls = {"identity": f"http://{address}/v3"}
    if swift := ports.get("swift.http"):
        urls["object-store"] = f"http://{LOOPBACK}:{swift}/v1/AUTH_%(project_id)s"
    with closing(sqlite3.connect(folder / DATABASE)) as database, database:
        for kind, url in urls.items():
            _offer(database, kind, url)
    return Launch(
        command=ENVIRONMENT.command("serve_keystone.py", str(configuration), str(ports["http"])),
        addresses={"http": address},
        ready=lambda: b" 200 OK" in exchanged(address, HEALTH),
        environment={"PYTHONWARNINGS": "ignore"},
        usage=(
            f"export OS_AUTH_URL=http://{address}/v3 OS_IDENTITY_API_VERSION=3",
            "export OS_USERNAME=demo OS_PASSWORD=demo OS_PROJECT_NAME=demo",
            "export OS_USER_DOMAIN_ID=default OS_PROJECT_DOMAIN_ID=default",
        ),
    )


def _write(folder: Path) -> Path:
    """Write the configuration and, once, the keys; where the configuration is."""
    for name in ("fernet", "credential"):
        keys = folder / name
        keys.mkdir(mode=0o700, exist_ok=True)
        for number in ("0", "1"):
            if not (keys / number).exists():
                (keys / number).write_bytes(base64.urlsafe_b64encode(secrets.token_bytes(32)))
    file = folder / "keystone.conf"
    file.write_text(CONFIGURATION.format(folder=folder, database=DATABASE))
    return file


def _offer(database: sqlite3.Connection, kind: str, url: str) -> None:
    """Have the catalogue say where a kind of service is."""
    found = database.execute("SELECT id FROM service WHERE type = ?", (kind,)).fetchone()
    service = found[0] if found else secrets.token_hex(16)
    if not found:
        database.execute("INSERT INTO service (id, type, enabled, extra) VALUES (?, ?, 1, ?)", (service, kind, "{}"))
    database.execute("DELETE FROM endpoint WHERE service_id = ?", (service,))
    for interface in ("public", "internal", "admin"):
        database.execute(
            "INSERT INTO endpoint (id, interface, service_id, url, extra, enabled, region_id)"
            " VALUES (?, ?, ?, ?, '{}', 1, 'RegionOne')",
            (secrets.token_hex(16), interface, service, url),
        )
