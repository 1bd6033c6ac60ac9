"""The servers by name: what each is, what it needs, how it is started."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol

from headwater.config.ports import free_ports
from headwater.model.errors import ConfigError
from headwater.services import cassandra, keystone, mosquitto, opensearch, rabbitmq, redis, swift
from headwater.services.needs import Need, NotHere
from headwater.services.service import Launch, Service


class Server(Protocol):
    """What the module of a server offers."""

    @property
    def NAME(self) -> str: ...

    @property
    def SENTENCE(self) -> str:
        """What it is, and what Headwater does with it."""
        ...

    @property
    def PORTS(self) -> tuple[str, ...]:
        """The names of its ports, the one that clients use first."""
        ...

    @property
    def NEEDS(self) -> tuple[Need, ...]:
        """What it cannot start without."""
        ...

    def prepare(self, folder: Path, ports: Mapping[str, int]) -> Launch:
        """Write its configuration into a folder that may hold its state from before.

        `ports` has its own by name, and those of servers that run beside it as `server.port`.
        """
        ...


SERVERS: tuple[Server, ...] = (redis, mosquitto, rabbitmq, cassandra, opensearch, keystone, swift)


def server_named(name: str) -> Server:
    """ConfigError that says which there are when none has this name."""
    for server in SERVERS:
        if server.NAME == name:
            return server
    names = [server.NAME for server in SERVERS]
    close = get_close_matches(name, names, n=1)
    hint = f'did you mean "{close[0]}"?' if close else f"there are {', '.join(names)}"
    raise ConfigError(f'no server "{name}"; {hint}')


def missing(server: Server) -> str:
    """What a server lacks on this machine, as a phrase; empty when it can be started."""
    return ", ".join(filter(None, (need.missing() for need in server.NEEDS)))


def service(name: str, folder: Path, ports: Mapping[str, int] | None = None) -> Service:
    """A server ready to be started in a folder, on free ports unless they are given; raises like `services`."""
    (made,) = services({name: folder}, {f"{name}.{port}": number for port, number in (ports or {}).items()})
    return made


def services(folders: Mapping[str, Path], ports: Mapping[str, int] | None = None) -> list[Service]:
    """Servers by name, each in a folder, that know of each other; ports as `server.port`, free where none is given.

    NotHere when one of them cannot be had; ConfigError when there is no such server or port.
    """
    servers = [server_named(name) for name in folders]
    for server in servers:
        if lacks := missing(server):
            raise NotHere(f"{server.NAME} needs {lacks}; `headwater services install {server.NAME}` gets what it can")
    wanted = [f"{server.NAME}.{port}" for server in servers for port in server.PORTS]
    given = dict(ports or {})
    if unknown := given.keys() - set(wanted):
        raise ConfigError(f"there is no port {', '.join(sorted(unknown))}; there are {', '.join(wanted)}")
    free = [port for port in wanted if port not in given]
    given |= dict(zip(free, free_ports(len(free)) if free else [], strict=True))
    return [_prepared(server, folders[server.NAME].resolve(), given) for server in servers]


def _prepared(server: Server, folder: Path, ports: Mapping[str, int]) -> Service:
    own = {port: ports[f"{server.NAME}.{port}"] for port in server.PORTS}
    folder.mkdir(parents=True, exist_ok=True)
    return Service(server.NAME, folder, server.prepare(folder, {**ports, **own}))
