"""Keeps the recent readings of a node in its Redis or Valkey, as nodes of 2018 did, through the outages of either.

Redis itself holds how far it has the log, under a key that changes with the readings it stands for, all or nothing:
what it loses, by a kill or a FLUSHDB, it is given again from there. Nothing waits for it.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

from headwater.agent.messages import REDIS, Group, Messages
from headwater.agent.options import AgentOptions, redis_place
from headwater.log.cursors import load_cursor, save_cursor
from headwater.log.disk import Disk
from headwater.model.errors import ConfigError
from headwater.wire.reconnect import Backoff, keep_connected, raise_if_cancelled

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.commands.core import AsyncScript

POLL_S = 0.05
LOOK_EVERY_S = 1.0
"""How often to look whether Redis still has what it had, when there is nothing to write."""
SAVE_EVERY_S = 1.0
ANSWER_S_MAX = 10.0
WAIT_S_MAX = 5.0
POSITION_PREFIX = "headwater:position:"

# KEYS: the position, then ids. ARGV: the position that is expected and the one that follows, when it expires, and for
# each id metric, value, meter, timestamp, parent and when it expires. Answers the position that it found. SET comes
# first: a full Redis refuses it, but nothing of a script that has written before.
KEEP = """
local held = redis.call('GET', KEYS[1]) or ''
if held ~= ARGV[1] then return held end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('PEXPIREAT', KEYS[1], ARGV[3])
for key = 2, #KEYS do
  local at = 6 * key - 8
  redis.call('DEL', KEYS[key])
  redis.call('HSET', KEYS[key], 'metricID', ARGV[at], 'value', ARGV[at + 1], 'meterID', ARGV[at + 2],
    'timestamp', ARGV[at + 3])
  if ARGV[at + 4] ~= '' then redis.call('HSET', KEYS[key], 'ProvID', ARGV[at + 4]) end
  redis.call('PEXPIREAT', KEYS[key], ARGV[at + 5])
end
return held
"""

_logger = logging.getLogger(__name__)


def check_redis() -> None:
    """ConfigError unless the library that speaks to Redis is installed."""
    try:
        import redis.asyncio  # noqa: F401
    except ImportError:
        raise ConfigError("redis: the library for it is missing: pip install headwater[redis]") from None


class RedisKeeper:
    """The task that keeps readings in Redis: one connection at a time, from where Redis says it is."""

    def __init__(self, options: AgentOptions, disk: Disk, log: bytes, now_ms: Callable[[], int]) -> None:
        assert options.redis is not None
        self._url = options.redis
        self._place = redis_place(options.redis)
        self._disk = disk
        self._position_key = POSITION_PREFIX + log.hex()
        self._saved = load_cursor(disk, REDIS)
        self._done = self._saved
        """The furthest that was ever kept."""
        self._storage_ms = options.storagetime_s * 1000
        self._messages = Messages(disk, options.node, self._storage_ms, now_ms, self._saved)
        self._held = ""
        """What Redis says how far it is; empty when it has nothing of this log."""
        self._expires_ms = 0
        self._backoff = Backoff(random.Random(), WAIT_S_MAX)
        self._told = ""

    def counts(self) -> dict[str, int]:
        """What became of the readings, by `messages.Counts`; what is 0 is left out."""
        return {name: count for name, count in self._messages.counts._asdict().items() if count}

    async def run(self) -> None:
        """Keep readings until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._save())
            tasks.create_task(keep_connected(self._connection, self._backoff, self._tell))

    def _tell(self, problem: str, wait_s: float) -> None:
        """Say what is wrong once, not at every try."""
        self._messages.count(failures=1)
        level = logging.DEBUG if problem == self._told else logging.WARNING
        _logger.log(level, "redis at %s %s; trying again until it works", self._place, problem)
        self._told = problem

    async def _connection(self) -> str:
        from redis import exceptions

        client = _client(self._url)
        try:
            script = client.register_script(KEEP)
            self._rewind(await self._position(client))
            while True:
                await self._keep_all(script)
                await self._wait(client)
                raise_if_cancelled()
        except exceptions.RedisError as error:
            return problem_of(error)
        except (OSError, TimeoutError) as error:
            return f"is away: {error}"
        finally:
            await client.aclose()

    async def _position(self, client: "Redis") -> str:
        held = await client.get(self._position_key)
        return held.decode(errors="replace") if isinstance(held, bytes) else ""

    def _rewind(self, held: str) -> None:
        self._held = held
        self._messages.rewind(int(held) if held.isdecimal() else 0)

    async def _keep_all(self, script: "AsyncScript") -> None:
        """Write what there is."""
        while (group := self._messages.group()) is not None:
            raise_if_cancelled()
            if group.messages and not await self._keep(script, group):
                continue
            if group.upto.total:  # Behind a rewind it is known only once a record has been read.
                self._done = max(self._done, group.upto)

    async def _keep(self, script: "AsyncScript", group: Group) -> bool:
        """Write a group, or go back to where Redis says it is."""
        self._expires_ms = max(self._expires_ms, *(message.expires_ms for message in group.messages))
        upto = str(group.upto.sequence)
        fields: Iterator[str | int] = chain.from_iterable(message[1:7] for message in group.messages)
        keys = [self._position_key, *(message.id for message in group.messages)]
        answer = await script(keys, [self._held, upto, self._expires_ms, *fields])
        held = answer.decode(errors="replace") if isinstance(answer, bytes) else ""
        if held != self._held:
            self._rewind(held)
            return False
        self._held = upto
        self._count(group)
        self._backoff.reset()
        if self._told:
            _logger.info("redis at %s takes readings again, from record %s of the log on", self._place, held or "1")
            self._told = ""
        return True

    def _count(self, group: Group) -> None:
        repeated = sum(message.sequence <= self._done.sequence for message in group.messages)
        self._messages.count(kept=len(group.messages) - repeated, repeated=repeated)

    async def _wait(self, client: "Redis") -> None:
        """Wait for more to write, and look meanwhile whether Redis still has what it had.

        Its client writes under wait_for, which before Python 3.12 swallows a cancellation that comes as the write ends.
        """
        loop = asyncio.get_running_loop()
        look_s = loop.time() + LOOK_EVERY_S
        await asyncio.sleep(POLL_S)
        while not self._messages.waiting:
            await asyncio.sleep(POLL_S)
            if loop.time() >= look_s:
                look_s = loop.time() + LOOK_EVERY_S
                raise_if_cancelled()
                if (held := await self._position(client)) != self._held:
                    self._rewind(held)
                    return

    async def _save(self) -> None:
        """Note now and then how far readings were ever kept, so that what is missed can be counted."""
        while True:
            await asyncio.sleep(SAVE_EVERY_S)
            if self._done != self._saved:
                done = self._done
                try:
                    await asyncio.to_thread(save_cursor, self._disk, REDIS, done)
                except OSError as error:
                    _logger.error("how far readings are in redis cannot be noted: %s; trying again", error)
                else:
                    self._saved = done


def _client(url: str) -> "Redis":
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    return Redis.from_url(
        url,
        protocol=2,
        single_connection_client=True,
        retry=Retry(NoBackoff(), 0),
        socket_connect_timeout=ANSWER_S_MAX,
        socket_timeout=ANSWER_S_MAX,
    )


def problem_of(error: Exception) -> str:
    """What is wrong with a Redis, as the end of a sentence that begins with it, and what to do."""
    from redis import exceptions

    if isinstance(error.__cause__, exceptions.RedisError):  # What a connection was refused with.
        error = error.__cause__
    if isinstance(error, exceptions.OutOfMemoryError):
        return f"is full ({error}): raise its maxmemory, or shorten storagetime_s"
    if isinstance(error, exceptions.AuthenticationError | exceptions.NoPermissionError):
        return f"refuses this user ({error}): see the user and password in the redis URL"
    if isinstance(error, exceptions.ConnectionError | exceptions.TimeoutError):
        return f"is away: {error}"
    return f"refuses: {error}"
