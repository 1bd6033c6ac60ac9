"""The servers by name: what each is, what it needs, how it is started."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol

from headwater.config.ports import free_ports
from headwater.model.errors import ConfigError
from headwater.services import cassandra, mosquitto, opensearch, rabbitmq, redis
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
        """Write its configuration into a folder that may hold its state from before."""
        ...


SERVERS: tuple[Server, ...] = (redis, mosquitto, rabbitmq, cassandra, opensearch)


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
    """A server ready to be started in a folder; ports that are not given are free ones. NotHere when it cannot be."""
    server = server_named(name)
    if lacks := missing(server):
        raise NotHere(f"{name} needs {lacks}; `headwater services install {name}` gets what can be had")
    given = dict(ports or {})
    if unknown := given.keys() - set(server.PORTS):
        raise ConfigError(f"{name} has no port {', '.join(sorted(unknown))}; it has {', '.join(server.PORTS)}")
    free = [port for port in server.PORTS if port not in given]
    given |= dict(zip(free, free_ports(len(free)) if free else [], strict=True))
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return Service(name, folder, server.prepare(folder, given))
