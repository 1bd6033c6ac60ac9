"""The health service of gRPC (`grpc.health.v1.Health`), which each of our servers answers: for probes of containers.

Its two messages are so small that they are written here as bytes: the request's field 1 names a service, the answer's
field 1 is 1 for serving. An answer says that the loop which does the work of the process turns.
"""

from typing import Any

import grpc

SERVICE, METHOD = "grpc.health.v1.Health", "Check"
EVERYTHING = b""
"""The request that asks for no service in particular."""
SERVING = b"\x08\x01"


def add_health(server: grpc.aio.Server) -> None:
    """Have a server answer for itself as a whole; it has no health of single services."""
    check = grpc.unary_unary_rpc_method_handler(_check, request_deserializer=bytes, response_serializer=bytes)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {METHOD: check}),))


def is_serving(address: str, timeout_s: float) -> bool:
    """Whether a process says that it serves; RpcError when nothing answers in time or the answer is another."""
    with grpc.insecure_channel(address) as channel:
        ask: Any = channel.unary_unary(f"/{SERVICE}/{METHOD}")
        return bool(ask(EVERYTHING, timeout=timeout_s) == SERVING)


async def _check(request: bytes, context: "grpc.aio.ServicerContext[Any, Any]") -> bytes:
    if request != EVERYTHING:
        await context.abort(grpc.StatusCode.NOT_FOUND, "ask without the name of a service: for the whole process")
    return SERVING
