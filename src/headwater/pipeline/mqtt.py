"""Readings by MQTT: one task holds a session at a broker and acknowledges to it only what is durable in the log."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from headwater.model.errors import Problem, Rejected, Unavailable
from headwater.model.reading import Reading, SeriesKey
from headwater.pipeline.core import Core
from headwater.pipeline.entry import Entry
from headwater.pipeline.inlets import MqttOptions
from headwater.pipeline.mqtt_link import Credentials, Message, MqttLink
from headwater.pipeline.payloads import Payloads
from headwater.wire.reconnect import Backoff, keep_connected

READINGS_A_TURN = 1024
"""Readings taken before others get their turn on the loop."""
FINISH_S_MAX = 1.0
"""How long a gateway that stops waits for the disk, to acknowledge what it took."""

_logger = logging.getLogger(__name__)


class Standing(msgspec.Struct):
    """How one subscription stands, for whoever asks."""

    broker: str
    topic: str
    connected: bool = False
    problem: str | None = None
    """Why it is not connected, in one sentence."""
    messages: int = 0
    """Messages taken since the start, repeated ones included."""
    readings: int = 0
    repeated: int = 0
    """Messages that the broker marked as delivered before."""
    refused: int = 0
    """Items refused, and whole messages."""
    unacknowledged: int = 0
    """Messages taken that are not durable yet."""


class Taken(NamedTuple):
    """A message on its way to the disk."""

    message: Message
    batch: int | None
    """The batch of the collector that has the last of its readings; None when it has none."""


class MqttInlet:
    """One subscription. What goes wrong with it is told, counted and tried again, and disturbs nothing else."""

    def __init__(
        self, core: Core, entry: Entry, options: MqttOptions, backoff: Backoff, environment: Mapping[str, str]
    ) -> None:
        self._core = core
        self._entry = entry
        self._options = options
        self._pattern = options.pattern
        self._payloads = Payloads(options.format, options.mapping)
        self._backoff = backoff
        self._environment = environment
        self.standing = Standing(options.broker, options.topic)
        self._taken: deque[Taken] = deque()
        self._news = asyncio.Event()
        self._told: set[str] = set()
        """The reasons for refusals that the log has a sentence on."""
        self._had_session = False

    async def run(self) -> None:
        """Hold the session until cancelled."""
        await keep_connected(self._connection, self._backoff, self._tell)

    def _tell(self, problem: str, wait_s: float) -> None:
        standing = self.standing
        if standing.problem != problem:
            _logger.warning("%s: %s; trying again, next in %.1f s", self._called, problem, wait_s)
        standing.connected, standing.problem = False, problem
        self._core.troubles[self._called] = problem

    @property
    def _called(self) -> str:
        return f"MQTT broker {self._options.broker}, topic {self._options.topic}"

    # ---- one connection ----------------------------------------------------------------------------------------------

    async def _connection(self) -> str:
        """Take messages until the connection breaks; why it did."""
        self._taken.clear()  # Of an earlier connection: what it did not acknowledge comes again.
        try:
            link = MqttLink(self._options, self._credentials())
        except Unavailable as error:
            return str(error)
        problem = "the connection ended"
        try:
            self._opened(await link.open())
            async with asyncio.TaskGroup() as group:
                group.create_task(link.keep_alive())
                group.create_task(self._acknowledge_all(link))
                await self._take_all(link)
        except* Unavailable as broken:
            problem = str(broken.exceptions[0])
        finally:
            await self._finish(link)
        return problem

    def _opened(self, had_session: bool) -> None:
        if self._had_session and not had_session:
            _logger.error("%s: the broker has lost the session; what it held for it is lost", self._called)
        self._had_session = True
        _logger.info("%s: connected%s", self._called, ", the session goes on" if had_session else "")
        self._backoff.reset()
        self.standing.connected, self.standing.problem = True, None
        self._core.troubles.pop(self._called, None)

    async def _finish(self, link: MqttLink) -> None:
        """Acknowledge what becomes durable soon, when the gateway stops while the connection stands."""
        task = asyncio.current_task()
        if task is not None and task.cancelling() and self._taken:
            self._entry.flush()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FINISH_S_MAX):
                    await self._settle(link)
        link.close()

    def _credentials(self) -> Credentials:
        options, core = self._options, self._core.options
        return Credentials(options.session(core.site, core.node), options.username, self._password())

    def _password(self) -> str | None:
        options = self._options
        if options.password_variable is not None:
            held = self._environment.get(options.password_variable)
            if held is None:
                raise Unavailable(f"the environment variable {options.password_variable} (password) is not set")
            return held
        if options.password_file is not None:
            try:
                return options.password_file.read_text(encoding="utf-8").partition("\n")[0]
            except (OSError, UnicodeDecodeError) as error:
                why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
                raise Unavailable(f"password_file {options.password_file} cannot be read: {why}") from None
        return None

    # ---- in ----------------------------------------------------------------------------------------------------------

    async def _take_all(self, link: MqttLink) -> None:
        while True:
            message = await link.next()
            await self._entry.room()
            self._taken.append(Taken(message, await self._take(message)))
            self.standing.unacknowledged = len(self._taken)
            self._news.set()
            await asyncio.sleep(0)

    async def _take(self, message: Message) -> int | None:
        """Take the readings of a message; the batch that has the last one."""
        standing = self.standing
        standing.messages += 1
        standing.repeated += message.repeated
        captures = self._pattern.match(message.topic)
        if captures is None:
            detail = "the session has a subscription that the configuration does not name: give another client_id"
            self._refuse(message, Problem("topic", Rejected("topic", detail)))
            return None
        if len(message.payload) > self._options.payload_bytes_max:
            detail = f"{len(message.payload)} bytes, payload_bytes_max is {self._options.payload_bytes_max}"
            self._refuse(message, Problem("payload", Rejected("size", detail)))
            return None
        return await self._take_payload(message, captures)

    async def _take_payload(self, message: Message, captures: Mapping[str, str]) -> int | None:
        batch = None
        for count, item in enumerate(self._payloads.read(message.payload, captures, self._core.now_ms()), 1):
            if count % READINGS_A_TURN == 0:
                await asyncio.sleep(0)
                await self._entry.room()
            if isinstance(item, Reading):
                try:
                    batch = self._entry.add(SeriesKey(item.meter, item.metric), item.timestamp, item.value)
                    self.standing.readings += 1
                    continue
                except Rejected as error:
                    item = Problem(f"item {count}", error)
            self._refuse(message, item)
        return batch

    def _refuse(self, message: Message, problem: Problem) -> None:
        """Count what is refused; the log has a sentence for the first of each reason."""
        place, error = problem
        told = Rejected(error.reason, f"MQTT topic {message.topic:.100}, {place}: {error.detail}")
        self._core.refuse(told)
        self.standing.refused += 1
        if error.reason not in self._told:
            self._told.add(error.reason)
            _logger.warning("refused %s; more of this kind is only counted", told)

    # ---- acknowledged ------------------------------------------------------------------------------------------------

    async def _acknowledge_all(self, link: MqttLink) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            await self._settle(link)

    async def _settle(self, link: MqttLink) -> None:
        """Acknowledge what was taken, in its order, each message once it is durable."""
        while self._taken:
            batch = self._taken[0].batch
            if batch is not None:
                await self._entry.durable(batch)
            while self._taken and self._taken[0].batch in (None, batch):
                link.acknowledge(self._taken.popleft().message)
            self.standing.unacknowledged = len(self._taken)
