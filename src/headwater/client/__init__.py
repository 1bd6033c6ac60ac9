"""The typed client of the REST API, for programs: `Client`, and `AsyncClient` with the same methods to await.

Needs httpx: pip install "headwater[client]". It imports nothing of the server, so a server may have another version.
"""

from headwater.client.asynchronous import AsyncClient
from headwater.client.results import (
    Alarm,
    ClusterHealth,
    Contribution,
    Datapoint,
    Found,
    HealthEvent,
    HealthLink,
    IdRun,
    LineageAnswer,
    Loss,
    Node,
    NodeStat,
    PointContext,
    Subject,
    Totals,
)
from headwater.client.retries import Retries
from headwater.client.synchronous import Client

__all__ = [
    "Alarm",
    "AsyncClient",
    "Client",
    "ClusterHealth",
    "Contribution",
    "Datapoint",
    "Found",
    "HealthEvent",
    "HealthLink",
    "IdRun",
    "LineageAnswer",
    "Loss",
    "Node",
    "NodeStat",
    "PointContext",
    "Retries",
    "Subject",
    "Totals",
]
