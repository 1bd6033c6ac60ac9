"""Servers say that they serve, as probes of containers ask it."""

import asyncio
import socket
from typing import Any

import grpc
import pytest

from headwater.wire.forgiving import Forgiving
from headwater.wire.serving import EVERYTHING, SERVING, add_health, is_serving

CHECK = "/grpc.health.v1.Health/Check"
NAMED = b"\x0a\x01x"
"""The request for the service x."""


def test_a_server_says_that_it_serves_as_a_whole() -> None:
    async def run() -> None:
        server = grpc.aio.server(interceptors=[Forgiving()])
        add_health(server)
        address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        await server.start()
        assert await asyncio.to_thread(is_serving, address, 30.0)
        async with grpc.aio.insecure_channel(address) as channel:
            check: Any = channel.unary_unary(CHECK)
            assert await check(EVERYTHING) == SERVING
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await check(NAMED)
            assert caught.value.code() is grpc.StatusCode.NOT_FOUND
        await server.stop(0)

    asyncio.run(run())


def test_where_nobody_listens_nothing_serves() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(grpc.RpcError):
            is_serving(f"127.0.0.1:{taken.getsockname()[1]}", 5.0)
