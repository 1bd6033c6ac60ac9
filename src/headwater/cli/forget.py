"""`headwater forget`: takes a node that is gone on purpose out of what is judged and shown."""

from typing import Annotated

import typer

from headwater.cli import typed
from headwater.cli.client import DEFAULT_SERVER, SERVER_KEY, asking
from headwater.cli.printable import printable


def main(arguments: list[str]) -> int:
    """Ask, and say what that means."""
    return typed.run("forget", forget, arguments)


def forget(
    node: Annotated[str, typer.Argument(metavar="NODE", help="The node: its id or name.")],
    server: Annotated[
        str, typer.Option(metavar="URL", envvar=SERVER_KEY, help="The server's REST address.")
    ] = DEFAULT_SERVER,
) -> int:
    """Forget a node that was taken out of service: it and its links are neither judged nor shown any longer.

    Only a node that is Red can be forgotten, and to which no other sends. Its provenance and its history stay, and it
    comes back by itself when it reports again.

    Example:

        headwater forget gatewayB
    """
    with asking(server) as client:
        client.forget(node)
    print(f"{printable(node)} is forgotten until it reports again")
    return 0
