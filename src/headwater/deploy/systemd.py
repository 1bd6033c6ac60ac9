"""Units of systemd for what a topology runs on one machine: hardened, each process started again when it dies."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec.structs import replace

from headwater.config import Topology, format_topology
from headwater.config.relays import without_relays
from headwater.config.toml import meant
from headwater.config.topology import ID_PROVIDER, SERVER
from headwater.deploy.names import AGENT, all_different, host_of
from headwater.deploy.plan import STATE, Secret
from headwater.deploy.secrets import Kept
from headwater.health.chaos.options import ChaosOptions
from headwater.model.errors import ConfigError

UNITS = Path("/etc/systemd/system")
SYSUSERS = Path("/etc/sysusers.d/headwater.conf")
CONFIGS = Path("/etc/headwater")
CREDENTIALS = Path("/run/credentials")
PREFIX = "headwater-"
HOMES = (Path("/home"), Path("/root"), Path("/run/user"))
STOP_S, WATCHDOG_S = 30, 60
CONFIGURATION_FAULT = 2

HARDENED = """\
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome={homes}
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
ProtectProc=invisible
ProcSubset=pid
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
KeyringMode=private
DevicePolicy=closed
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
UMask=0027
"""


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What a machine has to offer."""

    python: Path
    """The interpreter that has Headwater."""
    user: str = "headwater"
    """Who runs it; made when it is not there."""
    config: str = "topology"
    """What the topology is called in `CONFIGS`."""

    @property
    def file(self) -> Path:
        return CONFIGS / f"{self.config}.toml"


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """One unit."""

    name: str
    """Without `PREFIX` and its ending."""
    what: str
    command: tuple[str, ...]
    """Behind `headwater`."""
    secrets: tuple[Secret, ...] = ()
    notifies: bool = True
    """It says when it serves, and that it still turns."""
    reloads: bool = False
    ends: bool = False

    @property
    def file(self) -> str:
        return unit_file(self.name)


def unit_file(name: str) -> str:
    """The file of a unit."""
    return f"{PREFIX}{name}.service"


def systemd_files(topology: Topology, name: str, machine: Machine) -> dict[Path, str]:
    """The files that run what is called so on a machine; ConfigError when nothing is."""
    inside, kept = installed(topology)
    units = [unit for of, unit in _units(inside, kept, machine) if of == name]
    if not units:
        names = {of for of, _ in _units(inside, kept, machine)}
        raise ConfigError(f'nothing in the topology is called "{name}"; {meant(name, names)}')
    files = {UNITS / unit.file: unit_text(unit, machine) for unit in units}
    users = f'u {machine.user} - "Headwater" {STATE} /usr/sbin/nologin\n'
    return {**files, machine.file: format_topology(inside), SYSUSERS: users}


def installed(topology: Topology) -> tuple[Topology, dict[str, Kept]]:
    """The topology as units run it: everything is kept below `STATE`, secrets are credentials of their unit."""
    topology = without_relays(topology)
    kept = {name: Kept(CREDENTIALS / unit_file(host_of(name)), variables=False) for name in _names(topology)}
    provider = topology.idprovider
    inside = Topology(
        server=replace(kept[SERVER].server(topology.server), data=STATE / SERVER, control=None),
        gateways=tuple(
            replace(kept[gateway.name].gateway(gateway), data=STATE / gateway.name) for gateway in topology.gateways
        ),
        agents=tuple(replace(agent, data=STATE / agent.name) for agent in topology.agents),
        sensors=tuple(replace(group, journal=STATE / group.name) for group in topology.sensors),
        idprovider=None if provider is None else replace(provider, data=STATE / ID_PROVIDER),
        chaos=ChaosOptions(),
    )
    return inside, kept


def unit_text(unit: Unit, machine: Machine) -> str:
    """The file of a unit."""
    lines = [
        "# Written by `headwater service install`: changes go to a drop-in, systemctl edit makes one.",
        "[Unit]",
        f"Description=Headwater: {unit.what}",
        "Wants=network-online.target",
        "After=network-online.target",
        "",
        "[Service]",
        *_running(unit, machine),
        "",
        *HARDENED.format(homes=_homes(machine.python)).splitlines(),
        "",
        "[Install]",
        "WantedBy=multi-user.target",
    ]
    return "\n".join(lines) + "\n"


def _running(unit: Unit, machine: Machine) -> Iterator[str]:
    yield f"Type={'notify' if unit.notifies else 'exec'}"
    if unit.notifies:
        yield f"WatchdogSec={WATCHDOG_S}"
        # An agent waits for the log of its node, a node reads all of its log after a power loss.
        yield "TimeoutStartSec=infinity"
    command = (str(machine.python), "-m", "headwater.cli.main", *unit.command)
    yield f"ExecStart={' '.join(map(_quoted, command))}"
    if unit.reloads:
        yield "ExecReload=/bin/kill -HUP $MAINPID"
    yield f"User={machine.user}"
    yield f"Group={machine.user}"
    yield f"StateDirectory={STATE.name}"
    yield "StateDirectoryMode=0750"
    yield f"WorkingDirectory={STATE}"
    yield "Environment=PYTHONUNBUFFERED=1"
    yield f"EnvironmentFile=-{CONFIGS / 'environment'}"
    for secret in unit.secrets:
        yield f"LoadCredential={secret.name}:{secret.source}"
    yield f"Restart={'on-failure' if unit.ends else 'always'}"
    yield "RestartSec=1"
    # A wrong configuration stays wrong however often it is read.
    yield f"RestartPreventExitStatus={CONFIGURATION_FAULT}"
    yield f"TimeoutStopSec={STOP_S}"
    yield "KillMode=mixed"
    yield "LimitNOFILE=65536"


def _units(inside: Topology, kept: dict[str, Kept], machine: Machine) -> list[tuple[str, Unit]]:
    """What of the topology a unit is of, and the unit; ConfigError when two would be called the same."""
    units = list(_every(inside, kept, ("--config", str(machine.file))))
    all_different((unit.name, of) for of, unit in units)
    return units


def _every(inside: Topology, kept: dict[str, Kept], configured: tuple[str, ...]) -> Iterator[tuple[str, Unit]]:
    yield (
        SERVER,
        Unit(
            name=SERVER,
            what="store, API and dashboard",
            command=("server", *configured),
            secrets=tuple(kept[SERVER].secrets),
        ),
    )
    for gateway in inside.gateways:
        name, host = gateway.name, host_of(gateway.name)
        named = (*configured, "--name", name)
        yield (
            name,
            Unit(
                name=host,
                what=f"pipeline daemon of {name}",
                command=("gateway", *named),
                secrets=tuple(kept[name].secrets),
                reloads=True,
            ),
        )
        yield name, Unit(name=host + AGENT, what=f"provenance daemon of {name}", command=("agent", *named))
    if (provider := inside.idprovider) is not None:
        serving = (ID_PROVIDER, "--listen", provider.listen, "--start_id", provider.start_id)
        command = (*serving, "--data", str(provider.data))
        yield ID_PROVIDER, Unit(name=ID_PROVIDER, what="ids for emulators", command=command, notifies=False)
    for group in inside.sensors:
        yield (
            group.name,
            Unit(
                name=host_of(group.name),
                what=f"sensors {group.name}",
                command=("emulate", *configured, "--name", group.name),
                notifies=False,
                ends=True,
            ),
        )


def _names(topology: Topology) -> list[str]:
    return [SERVER, *(gateway.name for gateway in topology.gateways)]


def _homes(python: Path) -> str:
    """Who keeps the interpreter in a home must let the unit see it."""
    return "read-only" if any(python.resolve().is_relative_to(home) for home in HOMES) else "yes"


def _quoted(word: str) -> str:
    """A word of a command line as systemd reads it."""
    word = word.replace("%", "%%").replace("$", "$$")
    if any(mark in word for mark in " \t'\"\\;"):
        return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return word
