"""Shipments that hold text that is no UTF-8 are refused by name: an agent would send them for ever otherwise."""

import msgspec
import pytest
import zstandard

from headwater.model.errors import Rejected
from headwater.model.records import Definition
from headwater.model.report import NodeReport
from headwater.model.shipment import Shipment
from headwater.store.shipments import REPORT_BYTES_MAX, opened, opened_report


def test_a_shipment_with_a_name_that_is_no_text_is_refused() -> None:
    shipment = Shipment(definitions=(Definition(b"log00001", 4, "meter", "metric"),))
    body = msgspec.msgpack.encode(shipment).replace(b"meter", b"mete\xff")

    with pytest.raises(Rejected, match="shipment"):
        opened(zstandard.compress(body))


def test_a_report_with_a_reason_that_is_no_text_is_refused() -> None:
    report = NodeReport(1, 0, 0, 0, 0.0, 0.0, 0, 0, 0, 0, refused={"reason": 1})
    body = msgspec.msgpack.encode(report).replace(b"reason", b"reaso\xff")

    with pytest.raises(Rejected, match="report"):
        opened_report(body)


def test_a_report_longer_than_any_node_has_to_tell_is_refused_unread() -> None:
    with pytest.raises(Rejected, match=f"a report of {REPORT_BYTES_MAX + 1} bytes, {REPORT_BYTES_MAX} are the most"):
        opened_report(bytes(REPORT_BYTES_MAX + 1))
