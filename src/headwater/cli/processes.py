"""The processes of a topology: how each is started, in which order they stop, and when they are ready."""

import socket
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from headwater.cli.supervisor import Spec
from headwater.config import ServerOptions, Topology
from headwater.config.address import parse_address
from headwater.config.toml import meant
from headwater.config.topology import ID_PROVIDER, SERVER
from headwater.emulator.options import IdProviderOptions
from headwater.model.errors import ConfigError

HEADWATER = (sys.executable, "-m", "headwater.cli.main")
AGENT_RANK = 1_000_000
UI_RANK, API_RANK, STORE_RANK, RELAY_RANK = (AGENT_RANK + later for later in range(1, 5))
AGENT, RELAY = "/agent", "/relay"
"""What follows the name of a node in those of its other processes."""


def topology_processes(topology: Topology, file: Path, only: str | None = None) -> list[Spec]:
    """Every process of a topology that `file` says, or those of one name; ConfigError when nobody has that name.

    They stop in this order: sensors, gateways from upstream to downstream, agents and id provider, server.
    """
    configured = ("--config", str(file.absolute()))
    specs = server_processes(topology.server, configured)
    for gateway, agent in zip(topology.gateways, topology.agents, strict=True):
        rank = 1 + len(topology.gateways) - topology.hops(gateway.name)
        specs += [
            _spec(gateway.name, "gateway", configured, gateway.name, rank, gateway.listen),
            _spec(f"{gateway.name}{AGENT}", "agent", configured, gateway.name, AGENT_RANK, agent.listen),
        ]
    if topology.idprovider is not None:
        specs.append(_id_provider(topology.idprovider))
    for relay in topology.relays:
        # A link is there before its node speaks, and until it has stopped.
        specs.append(_spec(f"{relay.name}{RELAY}", "relay", configured, relay.name, RELAY_RANK, relay.pipeline.listen))
    for group in topology.sensors:
        specs.append(_spec(group.name, "emulate", configured, group.name, 0, None))
    names = [spec.name.partition("/")[0] for spec in specs]
    if only is not None and only not in names:
        raise ConfigError(f'nothing in {file} is called "{only}"; {meant(only, set(names))}')
    return [spec for spec, name in zip(specs, names, strict=True) if only in (None, name)]


def needing_restart(running: Topology, wanted: Topology, only: str | None = None) -> list[str]:
    """The processes that do what another file says only when they are started again; gateways read it by themselves."""
    before, after = (_fixed(topology) for topology in (running, wanted))
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return [name for name in names if only in (None, name.partition("/")[0])]


def _fixed(topology: Topology) -> dict[str, object]:
    """By process what it keeps to while it runs."""
    found: dict[str, object] = {SERVER: topology.server, ID_PROVIDER: topology.idprovider}
    for gateway, agent in zip(topology.gateways, topology.agents, strict=True):
        found[gateway.name] = gateway.node
        # Without a Redis an agent keeps nothing for a time of its own.
        found[f"{agent.name}/agent"] = agent if agent.redis else replace(agent, storagetime_s=0)
    return found | {group.name: group for group in topology.sensors}


def server_processes(server: ServerOptions, arguments: tuple[str, ...]) -> list[Spec]:
    """The processes of a server that `headwater server` is given these arguments for."""
    command = (*HEADWATER, "server", *arguments, "--part")
    specs = [Spec(name=f"{SERVER}/api", command=(*command, "api"), rank=API_RANK, listen=server.listen)]
    if not server.only_reads:
        store = Spec(name=f"{SERVER}/store", command=(*command, "store"), rank=STORE_RANK, listen=server.ingest)
        specs.insert(0, store)
    if server.dashboard:
        specs.append(Spec(name=f"{SERVER}/ui", command=(*command, "ui"), rank=UI_RANK))
    return specs


def addresses(server: ServerOptions) -> str:
    """Where people and programs find a server, in words."""
    url = f"http://{parse_address(server.listen).reachable}"
    return f"dashboard: {url}  API: {url}/v1" if server.dashboard else f"API: {url}/v1"


def _id_provider(options: IdProviderOptions) -> Spec:
    command = (*HEADWATER, ID_PROVIDER, "--listen", options.listen, "--start_id", options.start_id)
    return Spec(
        name=ID_PROVIDER,
        command=(*command, "--data", str(options.data.absolute())),
        rank=AGENT_RANK,
        listen=options.listen,
    )


def not_ready(addresses: Iterable[str], timeout_s: float, pause_s: float = 0.1) -> list[str]:
    """Wait until every address takes connections; give those that still do not when the time is over."""
    deadline = time.monotonic() + timeout_s
    waiting = list(addresses)
    while waiting := [address for address in waiting if not _answers(address)]:
        if time.monotonic() >= deadline:
            break
        time.sleep(pause_s)
    return waiting


def _spec(name: str, command: str, configured: tuple[str, ...], called: str, rank: int, listen: str | None) -> Spec:
    return Spec(
        name=name,
        command=(*HEADWATER, command, *configured, "--name", called),
        rank=rank,
        listen=listen,
        ends=command == "emulate",
        reloads=command == "gateway",
    )


def _answers(address: str) -> bool:
    host, port = parse_address(address).reachable
    try:
        with socket.create_connection((host.strip("[]"), port), timeout=1) as connection:
            # A connection to a port that nobody listens on may meet itself.
            return bool(connection.getsockname() != connection.getpeername())
    except OSError:
        return False
