"""A relay, with real sockets on both sides."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from headwater.config.address import LOOPBACK
from headwater.config.ports import free_ports
from headwater.health.chaos.options import Way
from headwater.health.chaos.relay import Conduct, Relay, read_conduct, write_conduct

CUT, REFUSE, PASS = Conduct("cut"), Conduct("refuse"), Conduct()
SILENCE_S = 0.2
Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def behind(port: int) -> AsyncIterator[asyncio.Queue[Ends]]:
    """A listener, and the connections that it has taken."""
    taken: asyncio.Queue[Ends] = asyncio.Queue()
    writers = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await taken.put((reader, writer))

    server = await asyncio.start_server(take, LOOPBACK, port)
    try:
        yield taken
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()


def relayed(
    check: Callable[[Relay, Callable[[], Awaitable[Ends]], asyncio.Queue[Ends]], Awaitable[None]],
    conduct: Conduct = PASS,
) -> None:
    """Run a check with a relay, what connects to it, and what it connects to."""

    async def run() -> None:
        listen, target = free_ports(2)
        opened: list[asyncio.StreamWriter] = []

        async def connect() -> Ends:
            reader, writer = await asyncio.open_connection(LOOPBACK, listen)
            opened.append(writer)
            return reader, writer

        relay = Relay((Way(f"{LOOPBACK}:{listen}", f"{LOOPBACK}:{target}"),), conduct)
        async with behind(target) as taken, relay.serving():
            try:
                async with asyncio.timeout(60):
                    await check(relay, connect, taken)
            finally:
                for writer in opened:
                    writer.transport.abort()

    asyncio.run(run())


async def is_silent(reader: asyncio.StreamReader) -> bool:
    """Whether nothing comes for a while, no end and no reset either."""
    try:
        async with asyncio.timeout(SILENCE_S):
            await reader.read(1)
    except TimeoutError:
        return True
    return False


def test_bytes_pass_both_ways_and_an_end_is_passed_on() -> None:
    async def check(relay: Relay, connect: Callable[[], Awaitable[Ends]], taken: asyncio.Queue[Ends]) -> None:
        reader, writer = await connect()
        there, back = await taken.get()
        sent = bytes(range(256)) * 4096
        writer.write(sent)
        writer.write_eof()
        assert await there.read() == sent
        back.write(b"answer")
        back.write_eof()
        assert await reader.read() == b"answer"

    relayed(check)


def test_a_cut_link_is_silent_without_a_reset_and_loses_nothing_once_it_is_healed() -> None:
    async def check(relay: Relay, connect: Callable[[], Awaitable[Ends]], taken: asyncio.Queue[Ends]) -> None:
        reader, writer = await connect()
        there, back = await taken.get()
        relay.behave(CUT)
        writer.write(b"forth")
        back.write(b"back")
        assert await is_silent(there)
        assert await is_silent(reader)
        relay.behave(PASS)
        assert await there.readexactly(5) == b"forth"
        assert await reader.readexactly(4) == b"back"

    relayed(check)


def test_who_connects_over_a_cut_link_waits() -> None:
    async def check(relay: Relay, connect: Callable[[], Awaitable[Ends]], taken: asyncio.Queue[Ends]) -> None:
        reader, writer = await connect()
        writer.write(b"hello")
        assert await is_silent(reader)
        assert taken.empty()
        relay.behave(PASS)
        there, _ = await taken.get()
        assert await there.readexactly(5) == b"hello"

    relayed(check, CUT)


def test_an_end_that_comes_while_the_link_is_cut_is_passed_on_afterwards() -> None:
    async def check(relay: Relay, connect: Callable[[], Awaitable[Ends]], taken: asyncio.Queue[Ends]) -> None:
        reader, _ = await connect()
        _, back = await taken.get()
        relay.behave(CUT)
        back.transport.abort()
        assert await is_silent(reader)
        relay.behave(PASS)
        assert await reader.read() == b""

    relayed(check)


def test_a_refused_link_breaks_what_there_is_and_takes_nothing_new_until_it_is_healed() -> None:
    async def check(relay: Relay, connect: Callable[[], Awaitable[Ends]], taken: asyncio.Queue[Ends]) -> None:
        reader, _ = await connect()
        await taken.get()
        relay.behave(REFUSE)
        with pytest.raises(ConnectionResetError):
            await reader.read()
        with pytest.raises(ConnectionRefusedError):
            await connect()
        relay.behave(PASS)
        while True:
            try:
                _, writer = await connect()
                break
            except ConnectionRefusedError:
                await asyncio.sleep(0.01)
        there, _ = await taken.get()
        writer.write(b"again")
        assert await there.readexactly(5) == b"again"

    relayed(check)


def test_a_slow_link_is_late_and_pushes_back_and_passes_everything() -> None:
    async def check(relay: Relay, connect: Callable[[], Awaitable[Ends]], taken: asyncio.Queue[Ends]) -> None:
        _, writer = await connect()
        there, _ = await taken.get()
        began_s = asyncio.get_running_loop().time()
        writer.write(b"x" * 100_000)
        assert await is_silent(there)
        assert len(await there.readexactly(100_000 - 1)) == 99_999
        assert asyncio.get_running_loop().time() - began_s >= 0.3 + 0.5

    relayed(check, Conduct("pass", delay_ms=300, bytes_per_s=200_000))


def test_a_target_that_does_not_answer_is_told_by_a_reset() -> None:
    async def check() -> None:
        listen, target = free_ports(2)
        async with Relay((Way(f"{LOOPBACK}:{listen}", f"{LOOPBACK}:{target}"),), PASS).serving():
            reader, writer = await asyncio.open_connection(LOOPBACK, listen)
            try:
                with pytest.raises(ConnectionResetError):
                    await reader.read()
            finally:
                writer.transport.abort()

    asyncio.run(check())


def test_how_to_treat_bytes_is_read_as_it_was_written_and_nothing_is_held_on_a_guess(tmp_path: Path) -> None:
    file = tmp_path / "relays" / "a.json"
    assert read_conduct(file) == PASS
    write_conduct(file, CUT)
    assert read_conduct(file) == CUT
    assert [path.name for path in file.parent.iterdir()] == ["a.json"]
    file.write_text('{"mode": "sometimes"}')
    assert read_conduct(file) == PASS
