"""The trace that a value belongs to: a W3C `traceparent`, kept as its 26 bytes.

Source of the format: https://www.w3.org/TR/trace-context/, section 3.2.
"""

import re
import sys
from collections.abc import Mapping
from typing import Protocol, cast

from headwater.model.errors import Rejected

VARIABLE = "TRACEPARENT"
"""The environment variable that a parent process hands its trace on with."""
OPENTELEMETRY = "opentelemetry.trace"
NO_TRACE = b""

_FORM = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII | re.DOTALL)
_VERSION = b"\x00"


class _SpanContext(Protocol):
    """What is needed of OpenTelemetry's class of this name."""

    trace_id: int
    span_id: int
    trace_flags: int

    @property
    def is_valid(self) -> bool: ...


class _Span(Protocol):
    def get_span_context(self) -> _SpanContext: ...


class _OpenTelemetry(Protocol):
    """What is needed of the module `opentelemetry.trace`."""

    def get_current_span(self) -> _Span: ...


def parse_traceparent(text: str) -> bytes:
    """The 26 bytes of a traceparent: version 1, trace id 16, parent id 8, flags 1; Rejected("traceparent").

    Of versions to come the parts known today are kept, as the format asks.
    """
    found = _FORM.fullmatch(text) if isinstance(text, str) else None
    if found is None or found[1] == "ff" or (found[1] == "00" and found[5]):
        raise Rejected(
            "traceparent",
            f"{str(text)[:60]!r} is none: 00-<32 hex digits>-<16 hex digits>-<2 hex digits>, lower case, is the form",
        )
    trace = bytes.fromhex("".join(found.groups()[:4]))
    if not any(trace[1:17]) or not any(trace[17:25]):
        raise Rejected("traceparent", f"{text[:60]!r} has a trace id or parent id of zeros only, which names nothing")
    return trace


def trace_of_environment(environment: Mapping[str, str]) -> bytes:
    """The trace that TRACEPARENT names, empty for none; Rejected as `parse_traceparent` raises it."""
    given = environment.get(VARIABLE, "")
    return parse_traceparent(given) if given else NO_TRACE


def trace_of_opentelemetry() -> bytes:
    """The trace of the current span, if the program has imported OpenTelemetry and a span is open; else empty."""
    module = sys.modules.get(OPENTELEMETRY)
    if module is None:
        return NO_TRACE
    span = cast(_OpenTelemetry, module).get_current_span().get_span_context()
    if not span.is_valid:
        return NO_TRACE
    flags = int(span.trace_flags) & 0xFF
    return _VERSION + span.trace_id.to_bytes(16, "big") + span.span_id.to_bytes(8, "big") + bytes((flags,))
