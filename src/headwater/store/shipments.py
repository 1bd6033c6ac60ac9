"""Shipments as agents send them: zstd of MessagePack, opened without trusting what they claim. No I/O."""

import msgspec
import zstandard

from headwater.model.errors import Rejected
from headwater.model.report import NodeReport
from headwater.model.shipment import Shipment

SHIPMENT_BYTES_MAX = 64 << 20
REPORT_BYTES_MAX = 1 << 20

_decode_shipment = msgspec.msgpack.Decoder(Shipment).decode
_decode_report = msgspec.msgpack.Decoder(NodeReport).decode


def opened(body: bytes, bytes_max: int = SHIPMENT_BYTES_MAX) -> Shipment:
    """The shipment in the body of a Group; Rejected("too-large" or "shipment") when it cannot be read."""
    try:
        return _decode_shipment(_decompressed(body, bytes_max))
    except zstandard.ZstdError as error:
        raise Rejected("shipment", f"a body of {len(body)} bytes is not zstd: {error}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Rejected("shipment", f"a body of {len(body)} bytes holds no shipment: {error}") from error


def opened_report(body: bytes) -> NodeReport:
    """The report in a StampsUp; Rejected("report") when it cannot be read."""
    if len(body) > REPORT_BYTES_MAX:
        raise Rejected("report", f"a report of {len(body)} bytes, {REPORT_BYTES_MAX} are the most")
    try:
        return _decode_report(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Rejected("report", f"{len(body)} bytes hold no report: {error}") from error


def opened_bytes(body: bytes) -> int:
    """How large a body will be when opened, as far as it says so; at most SHIPMENT_BYTES_MAX."""
    try:
        return min(max(zstandard.frame_content_size(body), len(body)), SHIPMENT_BYTES_MAX)
    except zstandard.ZstdError:
        return len(body)


def _decompressed(body: bytes, bytes_max: int) -> bytes:
    # The decompressor allocates the size that a frame claims: look first.
    size = zstandard.frame_content_size(body)
    if size < 0:
        raise Rejected("shipment", f"a body of {len(body)} bytes does not say how large it is when decompressed")
    if size > bytes_max:
        raise Rejected("too-large", f"a body decompresses to {size} bytes, more than {bytes_max}: ship less at once")
    return zstandard.ZstdDecompressor(max_window_size=bytes_max).decompress(
        body, max_output_size=size, allow_extra_data=False
    )
