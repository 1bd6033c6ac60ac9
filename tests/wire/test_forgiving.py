"""What cannot be read is refused like an empty message, and costs no traceback."""

import asyncio
import logging
from typing import Any

import grpc
import pytest

from headwater.wire import headwater_pb2 as pb
from headwater.wire.forgiving import Forgiving, forgiving

GARBAGE = b"\xff\xff\xff"


def test_what_cannot_be_read_is_an_empty_message_and_all_else_is_itself() -> None:
    read = forgiving(pb.Beat.FromString)
    assert read(GARBAGE) == pb.Beat()
    assert read(pb.Beat(number=7).SerializeToString()) == pb.Beat(number=7)


def test_a_server_answers_it_without_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[pb.Beat] = []

    async def take(beat: pb.Beat, context: object) -> pb.Beat:
        heard.append(beat)
        return beat

    async def run() -> None:
        server = grpc.aio.server(interceptors=[Forgiving()])
        handler = grpc.unary_unary_rpc_method_handler(take, pb.Beat.FromString, pb.Beat.SerializeToString)
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test", {"take": handler})])
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            known: Any = channel.unary_unary("/test/take")
            assert await known(GARBAGE) == b""
            unknown: Any = channel.unary_unary("/test/nothing")
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await unknown(GARBAGE)
            assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
        await server.stop(0)

    with caplog.at_level(logging.DEBUG):
        asyncio.run(run())
    assert heard == [pb.Beat()]
    assert "Traceback" not in caplog.text
    assert "DecodeError" not in caplog.text
