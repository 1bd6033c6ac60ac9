"""A report that makes no sense is refused as a whole, where it comes in."""

from typing import Any

import msgspec
import pytest

from headwater.agent.beats import PEERS_MAX
from headwater.log.standing import LINKS_MAX
from headwater.model.errors import Rejected
from headwater.model.ids import NODE_MAX
from headwater.model.report import ENDS_MAX, LinkEnd, Neighbour, NodeReport, Progress
from headwater.store.shipments import opened_report
from tests.health.reports import report_of


def sent(**more: Any) -> NodeReport:
    return opened_report(msgspec.msgpack.encode(report_of(1, **more)))


@pytest.mark.parametrize(
    "nonsense",
    [
        {"progress": Progress(-1)},
        {"progress": Progress(0, -1)},
        {"progress": Progress(0, 0, -1)},
        {"withheld_ms": -1},
        {"links": (LinkEnd(True, -1),)},
        {"links": (LinkEnd(True, NODE_MAX + 1),)},
        {"links": (LinkEnd(True, 2, heard_ms=-1),)},
        {"links": (LinkEnd(True, 2, stuck_ms=-1),)},
        {"neighbours": (Neighbour(1 << 63, 0),)},
        {"neighbours": (Neighbour(2, -1),)},
        {"neighbours": (Neighbour(2, 0, Progress(-1)),)},
        {"links": (LinkEnd(True, 2),) * (ENDS_MAX + 1)},
        {"neighbours": (Neighbour(2, 0),) * (ENDS_MAX + 1)},
    ],
)
def test_what_cannot_be_is_refused(nonsense: dict[str, Any]) -> None:
    with pytest.raises(Rejected, match="hold no report"):
        sent(**nonsense)


def test_all_that_a_node_can_have_to_tell_is_taken() -> None:
    links = tuple(LinkEnd(False, node, heard_ms=1 << 50) for node in range(LINKS_MAX))
    neighbours = tuple(Neighbour(node, 0) for node in range(PEERS_MAX))
    report = sent(links=(*links[:-1], LinkEnd(True, None, heard_ms=None)), neighbours=neighbours)
    assert (len(report.links), len(report.neighbours)) == (LINKS_MAX, PEERS_MAX)
