"""`headwater services`: real servers on this machine, for trying things out without Docker."""

import fcntl
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from headwater.cli import typed
from headwater.cli.services_run import run
from headwater.cli.up import prefixed
from headwater.model.errors import ConfigError, Unavailable
from headwater.services.catalogue import SERVERS, missing, server_named, services
from headwater.services.install import everything, install

WIDTH = 10


class Action(StrEnum):
    """What to do."""

    UP = "up"
    INSTALL = "install"
    LIST = "list"


def main(arguments: list[str]) -> int:
    """Do it; servers run until Ctrl-C."""
    return typed.run("services", command, arguments)


def command(
    action: Annotated[Action, typer.Argument(help="Start servers, install what they need, or list them.")],
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Which servers; install takes all without.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep their state here, a folder each; else it is temporary.")
    ] = None,
    port: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=PORT", help="Use this port, cassandra=9042 or cassandra.internode=7000; else free."),
    ] = None,
) -> int:
    """Start real servers on this machine, on the loopback interface, without Docker; Ctrl-C stops them.

    list shows which there are, and what each lacks here; install gets that where it can: Debian packages (as root),
    jars through Maven, Python packages in environments of their own, in a cache that docs/services.md names.
    Servers that are started together know of each other: swift takes the users of keystone.

    Examples:

        headwater services install cassandra

        headwater services up redis cassandra --data var/services --port cassandra=9042

        headwater services up keystone swift
    """
    if action is not Action.UP and (data is not None or port):
        raise ConfigError(f"--data and --port are for headwater services up, not {action}")
    if action is Action.LIST:
        return list_servers(names or [])
    if action is Action.INSTALL:
        return install_servers(names or [])
    return up(names or [], data, ports_of(port or []))


def list_servers(names: Sequence[str]) -> int:
    """Say of each what it is, its ports, and whether it can be started."""
    for server in [server_named(name) for name in names] or SERVERS:
        lacks = missing(server)
        print(f"{server.NAME:<{WIDTH}} {server.SENTENCE}")
        print(f"{'':<{WIDTH}} ports: {', '.join(server.PORTS)}")
        print(f"{'':<{WIDTH}} {f'lacks {lacks}' if lacks else 'ready to start'}")
    return 0


def install_servers(names: Sequence[str]) -> int:
    """Get what they need; Unavailable when one of them cannot be had."""
    known = everything()
    for name in names:
        if name not in known:
            server_named(name)
    wanted = {name: known[name] for name in names or known}
    reasons = install(wanted, print)
    for name in wanted:
        print(f"{name:<{WIDTH}} {reasons.get(name, 'is here')}")
    if reasons:
        raise Unavailable(f"cannot be had here: {', '.join(reasons)}; see above for the reasons")
    return 0


def up(names: Sequence[str], data: Path | None, ports: dict[str, int]) -> int:
    """Run servers until Ctrl-C."""
    if not names:
        raise ConfigError("name the servers to start; headwater services list shows which there are")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"named twice: {', '.join(twice)}")
    with _folder(data) as folder:
        started = services({name: folder / name for name in names}, ports)
        return run(started, prefixed(Console(highlight=False, soft_wrap=True), list(names)))


def ports_of(given: Sequence[str]) -> dict[str, int]:
    """`server.port` and its number, of words as `--port` takes them."""
    ports = {}
    for word in given:
        name, _, number = word.partition("=")
        if not number.isdecimal() or not 1 <= int(number) <= 65_535:
            raise ConfigError(f'--port "{word}": NAME=PORT is needed, such as cassandra=9042')
        server = server_named(name.partition(".")[0])
        ports[name if "." in name else f"{name}.{server.PORTS[0]}"] = int(number)
    return ports


@contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    """Where their state goes; Unavailable when other servers are using it."""
    if data is None:
        with tempfile.TemporaryDirectory(prefix="headwater-services-", ignore_cleanup_errors=True) as made:
            yield Path(made)
        return
    data.mkdir(parents=True, exist_ok=True)
    with (data / "services.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Unavailable(f"{data} is in use: stop the servers that run there, or name another folder") from None
        yield data
