"""`headwater service`: runs what a topology has on this machine as services of systemd."""

import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from headwater.cli.arguments import Parser
from headwater.config import load_topology
from headwater.deploy.names import AGENT, host_of
from headwater.deploy.systemd import PREFIX, SYSUSERS, UNITS, Machine, systemd_files, unit_file
from headwater.model.errors import ConfigError, NotFound, Unavailable

ACTIONS = ("install", "uninstall", "status")
RUNS = Path("/run/systemd/system")
"""Is there where systemd runs the machine."""
ROOT = Path("/")
_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")


def main(arguments: list[str]) -> int:
    """Install, take away, or tell how they stand."""
    given = parser().given(arguments)
    root, rest = Path(str(given.get("root", ROOT))), given.get("arguments", [])
    assert isinstance(rest, list)
    match given["action"], rest:
        case "install", [file, name]:
            return install(Path(file), name, root, given)
        case "uninstall", [name]:
            return uninstall(name, root)
        case "status", ([] | [_]):
            return status(rest, root)
    raise ConfigError("install TOPOLOGY.toml NAME, uninstall NAME or status [NAME] is needed; headwater service --help")


def parser() -> Parser:
    """What `headwater service` understands."""
    made = Parser(
        "service",
        "Runs what a topology has on this machine as services of systemd: of a node its pipeline daemon and its agent, "
        "else the server, the id provider or a group of sensors. They run as a user of their own, may write to "
        "/var/lib/headwater only, begin with the machine, and are started again when they die or stand still.",
        "headwater service install [options] TOPOLOGY.toml NAME\n       headwater service uninstall NAME\n"
        "       headwater service status [NAME]",
        """examples:
  headwater service install grid.toml gatewayA --dry-run
  sudo headwater service install grid.toml gatewayA --now
  sudo headwater service install grid.toml server --now
  headwater service status""",
    )
    made.add_argument("action", choices=ACTIONS, help="what to do")
    made.add_argument("arguments", nargs="*", metavar="...", help="the topology file and a name of it; or the name")
    made.option("--root", type=Path, metavar="DIR", help="below this folder instead of /, and without systemctl")
    made.option("--dry-run", action="store_true", help="print the files instead of writing them")
    made.option("--now", action="store_true", help="enable and start them too")
    made.option("--user", metavar="USER", help="who runs them (headwater)")
    made.option("--python", type=Path, metavar="FILE", help="the interpreter that has headwater (this one)")
    return made


def install(file: Path, name: str, root: Path, given: Mapping[str, object]) -> int:
    """Write the units of a name, the topology and the user; and start them when that is asked for."""
    machine = Machine(
        python=Path(str(given.get("python", sys.executable))).absolute(),
        user=str(given.get("user", "headwater")),
        config=_plain(file.stem),
    )
    files = systemd_files(load_topology(file), name, machine)
    if given.get("dry_run"):
        print("\n".join(f"# {path}\n{text}" for path, text in files.items()), end="")
        return 0
    units = [path.name for path in files if path.suffix == ".service"]
    _not_of_another(units, machine, root)
    for path, text in files.items():
        target = root / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        print(f"{target} written")
    if root == ROOT:
        _introduce(units, bool(given.get("now")))
    for closed in _closed_to_others(machine.python):
        print(
            f"headwater: {closed} lets nobody but its owner in, so {machine.user} cannot run {machine.python}: "
            "install headwater elsewhere, such as in a virtual environment in /opt",
            file=sys.stderr,
        )
    return 0


def uninstall(name: str, root: Path) -> int:
    """Stop and take away the units of a name; what they kept stays."""
    units = _installed(root, name)
    if root == ROOT and RUNS.is_dir():
        _systemctl("disable", "--now", *units)
    for unit in units:
        (_folder(root) / unit).unlink()
        print(f"{_folder(root) / unit} is gone")
    if root == ROOT and RUNS.is_dir():
        _systemctl("daemon-reload")
    places = (root / place.lstrip("/") for place in ("/var/lib/headwater", "/etc/headwater", str(SYSUSERS)))
    print("left as they are:", ", ".join(str(place) for place in places if place.exists()))
    return 0


def status(names: Sequence[str], root: Path) -> int:
    """How the units stand; Unavailable when one of them does not run."""
    units = _installed(root, names[0] if names else None)
    if root != ROOT or not RUNS.is_dir():
        print("\n".join(f"{unit:<40} installed" for unit in units))
        return 0
    resting = []
    for unit in units:
        told = _systemctl("show", "--property=ActiveState,SubState,MainPID,NRestarts", unit)
        held = dict(line.split("=", 1) for line in told.splitlines() if "=" in line)
        active = held.get("ActiveState", "unknown")
        print(
            f"{unit:<40} {active} ({held.get('SubState', '')}), process {held.get('MainPID', '0')}, started again "
            f"{held.get('NRestarts', '0')} times"
        )
        if active != "active":
            resting.append(unit)
    if resting:
        raise Unavailable(f"{', '.join(resting)}: not running; journalctl --unit {resting[0]} says why")
    return 0


def _folder(root: Path) -> Path:
    return root / UNITS.relative_to(ROOT)


def _installed(root: Path, name: str | None) -> list[str]:
    """The units that are there, of one name or of all; NotFound without any."""
    there = sorted(path.name for path in _folder(root).glob(f"{PREFIX}*.service"))
    if name is not None:
        host = host_of(name)
        there = [unit for unit in there if unit in (unit_file(host), unit_file(host + AGENT))]
    if not there:
        raise NotFound(f"no service of Headwater is installed{f' for {name}' if name else ''} in {_folder(root)}")
    return there


def _not_of_another(units: Sequence[str], machine: Machine, root: Path) -> None:
    """ConfigError when a unit of this name runs what another topology has."""
    for unit in units:
        path = _folder(root) / unit
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if "--config " in text and f"--config {machine.file} " not in text.replace("\n", " "):
            raise ConfigError(f"{path} is of another topology than {machine.file.name}: uninstall it first")


def _introduce(units: Sequence[str], now: bool) -> None:
    """Make the user, and have systemd know the units."""
    if not RUNS.is_dir():
        print("systemd does not run this machine: it will find the units once it does")
        return
    if program := shutil.which("systemd-sysusers"):
        subprocess.run([program, str(SYSUSERS)], check=True)
    _systemctl("daemon-reload")
    if now:
        _systemctl("enable", "--now", *units)
    else:
        print(f"systemctl enable --now {' '.join(units)}    starts them, now and with the machine")


def _systemctl(*arguments: str) -> str:
    done = subprocess.run(["systemctl", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        raise Unavailable(f"systemctl {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def _closed_to_others(python: Path) -> list[Path]:
    """The folders above an interpreter that only their owner may enter."""
    above = {folder for file in (python, python.resolve()) for folder in file.parents}
    return sorted(folder for folder in above if folder.is_dir() and not folder.stat().st_mode & stat.S_IXOTH)


def _plain(name: str) -> str:
    if not _PLAIN.fullmatch(name):
        raise ConfigError(
            f'the topology file is called "{name}": letters, digits, _ . - alone make a name for its copy'
        )
    return name
