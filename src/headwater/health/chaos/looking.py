"""What the observer reads of the API: looks at the health of the cluster, and the books of links and losses."""

from collections import Counter

from headwater.client import AsyncClient
from headwater.client.results import ClusterHealth
from headwater.health.chaos.observer import Look
from headwater.health.chaos.report import Books
from headwater.model.health import Part, Subject
from headwater.model.records import Why

UNDER_WAY_MS_MAX = 5000
"""Readings this young are on their way."""
DELIVERED = {Why.EXPIRED.value}
"""Readings that are gone from a log after they were passed on are not lost."""


def look_of(health: ClusterHealth, at_ns: int) -> Look:
    """One look, whose answer was there at a time."""
    judged = [each for node in health.nodes for each in (node.node, node.pipeline, node.provenance)]
    judged += [link.link for link in health.links]
    alarms = frozenset(
        Subject(Part(alarm.subject.part), _node(alarm.subject.node) or 0, _node(alarm.subject.target))
        for alarm in health.alarms
    )
    return Look(at_ns, alarms, not any(each.health == "Red" for each in judged))


async def books(client: AsyncClient) -> Books:
    """The books now."""
    health = await client.health()
    accounts = [link.account for link in health.links if link.account is not None]
    losses: Counter[str] = Counter()
    async for loss in client.losses():
        if loss.why not in DELIVERED:
            losses[loss.why] += loss.readings
    return Books(
        delivered=sum(account.delivered for account in accounts),
        buffered=sum(account.buffered for account in accounts),
        waiting=sum(account.buffered for account in accounts if account.oldest_ms > UNDER_WAY_MS_MAX),
        dropped=sum(sum(account.dropped.values()) for account in accounts),
        losses=losses,
    )


def _node(id: str | None) -> int | None:
    return None if id is None else int(id, 16)
