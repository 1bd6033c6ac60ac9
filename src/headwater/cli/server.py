"""`headwater server`: runs the store, the REST API and the dashboard, each in a process of its own."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from headwater.cli import logs, typed
from headwater.cli.processes import addresses, server_processes
from headwater.cli.supervise import supervise
from headwater.cli.supervisor import Supervisor
from headwater.cli.up import prefixed
from headwater.config import ServerOptions, load_topology
from headwater.config.address import parse_address
from headwater.model.errors import ConfigError


class Part(StrEnum):
    """The processes of a server."""

    STORE = "store"
    API = "api"
    UI = "ui"


def main(arguments: list[str]) -> int:
    """Run until Ctrl-C, or one part until it is told to stop."""
    return typed.run("server", server, arguments)


def server(
    config: Annotated[Path | None, typer.Option(metavar="T.toml", help="Take everything from a topology file.")] = None,
    listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="REST here (127.0.0.1:5000); stamps one port further.")
    ] = None,
    data: Annotated[Path | None, typer.Option(metavar="DIR", help="The server's folder (var/server).")] = None,
    site: Annotated[str | None, typer.Option(metavar="SITE", help="The site it serves (default).")] = None,
    part: Annotated[Part | None, typer.Option(help="Run this part alone, without a supervisor.")] = None,
) -> int:
    """Run the store, the REST API and the dashboard, and start again what dies of them, until Ctrl-C.

    When one of them cannot be with this configuration, the others end too.

    Example:

        headwater server --config examples/topologies/fork.toml
    """
    options = server_options(config, listen, data, site)
    if part is not None:
        return _run(part, options)
    given = {"--config": config, "--listen": listen, "--data": data, "--site": site}
    arguments = [text for key, value in given.items() if value is not None for text in (key, str(value))]
    specs = server_processes(options, tuple(arguments))
    say = prefixed(Console(highlight=False, soft_wrap=True), [spec.name for spec in specs])

    def ready(waiting: list[str]) -> None:
        for address in waiting:
            say("server", f"nothing answers at {address} yet")
        say("server", f"{addresses(options)} (Ctrl-C stops it)")

    return supervise(Supervisor(specs, options.data.parent / "processes-server.json", say), ready, whole=True)


def server_options(config: Path | None, listen: str | None, data: Path | None, site: str | None) -> ServerOptions:
    """The options of a server from a command line; ConfigError names what cannot be used."""
    if config is not None:
        for name, value in (("listen", listen), ("data", data), ("site", site)):
            if value is not None:
                raise ConfigError(f"--{name} does not go with --config: the topology file says it")
        return load_topology(config).server
    try:
        address = parse_address(listen or "127.0.0.1:5000")
        address.shifted(1)
    except ValueError as error:
        raise ConfigError(f"--listen: {error}") from None
    return ServerOptions(listen=str(address), data=data or Path("var/server"), site=site or "default")


def _run(part: Part, options: ServerOptions) -> int:
    logs.configure()
    from headwater import node

    run = {Part.STORE: node.run_store, Part.API: node.run_api, Part.UI: node.run_ui}[part]
    return run(options)
