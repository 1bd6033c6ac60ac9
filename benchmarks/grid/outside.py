"""A topology that runs already, as its API tells of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from headwater.cli.client import asking
from headwater.client import Client, Node
from headwater.client.results import Account
from headwater.model.errors import NotFound, Unavailable

RUNNING = "running"
"""The shape of a topology that runs already, in a report."""


def where(server: str) -> str:
    """What a report says of the place."""
    return f"the running topology of {server}"


@contextmanager
def client_of(server: str) -> Iterator[Client]:
    """A client of a server with a topology; Unavailable when nobody answers, or no node has reported yet."""
    with asking(server) as client:
        try:
            client.topology()
        except NotFound:
            raise Unavailable(
                f"{server} knows no node yet: start the topology whose server it is, and come again when headwater "
                "status shows its nodes"
            ) from None
        yield client


class NodeBooks(NamedTuple):
    """What a node had counted at its last report."""

    name: str
    reported_ms: int
    """By the store's clock."""
    received: int
    unshipped: int
    metrics: str
    """What its newest stamps record, for a CSV; `none` without provenance."""


class Books(NamedTuple):
    """What all nodes had counted at their last reports."""

    nodes: dict[str, NodeBooks]
    """By id."""
    links: dict[tuple[str, str], Account]
    """By the ids of both ends."""


def books(client: Client) -> Books:
    """The books as they are now; a node that has never reported is left out."""
    known = {node.id: node for node in client.topology(detail=True)}
    nodes = {
        one.id: NodeBooks(
            known[one.id].name, one.reported, one.received or 0, one.unshipped or 0, _metrics(client, known[one.id])
        )
        for one in client.stats(detail=True)
        if one.id in known and one.reported is not None
    }
    links = {
        (link.source, link.target): link.account
        for link in client.health().links
        if link.target is not None and link.account is not None and link.source in nodes
    }
    return Books(nodes, links)


def _metrics(client: Client, node: Node) -> str:
    if node.provenance is False:
        return "none"
    try:
        return " ".join(client.newest(node.id, 1, detail=True)[0].metrics or ())
    except NotFound:
        return ""
