"""Messages that cannot be read: they count as empty ones, which every service refuses in its own words.

gRPC itself would write a traceback for each, which anybody could fill a gateway's disk with.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError

Read = Callable[[bytes], Any]


class Forgiving(grpc.aio.ServerInterceptor):
    """Stands before the services of a server."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        return handler._replace(request_deserializer=forgiving(handler.request_deserializer))


def forgiving(read: Read) -> Read:
    """The same reader, which reads what cannot be read as an empty message."""

    def read_or_empty(data: bytes) -> Any:
        try:
            return read(data)
        except DecodeError:
            return read(b"")

    return read_or_empty
