"""The typed client of the REST API, for programs: `Client`, and `AsyncClient` with the same methods to await.

Needs httpx: pip install "headwater[client]". It imports nothing of the server, so a server may have another version.
"""

from headwater.client.asynchronous import AsyncClient
from headwater.client.results import (
    Alarm,
    Contribution,
    Datapoint,
    Found,
    IdRun,
    LineageAnswer,
    Loss,
    Node,
    NodeStat,
    PointContext,
    Totals,
)
from headwater.client.retries import Retries
from headwater.client.synchronous import Client

__all__ = [
    "Alarm",
    "AsyncClient",
    "Client",
    "Contribution",
    "Datapoint",
    "Found",
    "IdRun",
    "LineageAnswer",
    "Loss",
    "Node",
    "NodeStat",
    "PointContext",
    "Retries",
    "Totals",
]
