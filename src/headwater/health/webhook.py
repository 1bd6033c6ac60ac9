"""Posts alarms to a webhook, each until it is taken, in their order; where it stands outlives the process."""

import asyncio
import logging
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import httpx

from headwater.health.cloudevents import MEDIA_TYPE, Alarms, event
from headwater.health.webhook_options import WebhookOptions
from headwater.model.errors import ConfigError, Unavailable
from headwater.store.health import Delivery, DeliveryKeeper
from headwater.wire.reconnect import Backoff

LOOK_EVERY_S = 0.2
CHANGES_AT_ONCE = 256
TROUBLE_S = 1.0

_logger = logging.getLogger(__name__)
T = TypeVar("T")


class Webhook:
    """Follows the history of health, and posts what raises or clears an alarm."""

    def __init__(self, options: WebhookOptions, keeper: DeliveryKeeper, site: str) -> None:
        """Reads the authorization; ConfigError when its file cannot be read."""
        self._options = options
        self._keeper = keeper
        self._site = site
        self._headers = {"Content-Type": MEDIA_TYPE}
        if options.authorization_file is not None:
            self._headers["Authorization"] = _secret(options.authorization_file)
        self._backoff = Backoff(random.Random(), options.retry_s_max)
        self._thread = ThreadPoolExecutor(1, "webhook")

    async def run(self) -> None:
        """Post until cancelled."""
        try:
            delivery = await self._asked(self._keeper.load)
            alarms = Alarms(set(delivery.opened))
            # From here on none is left out, also when this ends before the first was taken.
            await self._keep(delivery)
            async with httpx.AsyncClient(timeout=self._options.timeout_s, trust_env=False) as client:
                while True:
                    changes = await self._asked(partial(self._keeper.following, delivery.number, CHANGES_AT_ONCE))
                    for change in changes:
                        kind = alarms.follow(change)
                        if kind is not None:
                            await self._deliver(client, event(kind, change, self._site))
                        delivery = Delivery(change.number, tuple(alarms.opened))
                        if kind is not None:
                            await self._keep(delivery)
                    if not changes:
                        await asyncio.sleep(LOOK_EVERY_S)
        finally:
            self._thread.shutdown()

    async def _asked(self, ask: Callable[[], T]) -> T:
        """What the history answers, once it does: a disk in trouble is no reason to stop the store beside this."""
        while True:
            try:
                return await asyncio.get_running_loop().run_in_executor(self._thread, ask)
            except Unavailable as error:
                _logger.error("the history of health cannot be read: %s; trying again", error)
                await asyncio.sleep(TROUBLE_S)

    async def _keep(self, delivery: Delivery) -> None:
        """Note how far it is; what cannot be noted may be posted once more after a restart."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._keeper.keep, delivery)
        except Unavailable as error:
            _logger.error("how far alarms are posted cannot be noted: %s", error)

    async def _deliver(self, client: httpx.AsyncClient, body: bytes) -> None:
        """Post until it is taken, or refused for good (4xx other than 408 and 429: asking again would not help)."""
        while True:
            problem = await self._post(client, body)
            if problem is None:
                self._backoff.reset()
                return
            wait_s = self._backoff.next_s()
            _logger.warning("webhook %s: %s; posting again in %.1f s", self._options.url, problem, wait_s)
            await asyncio.sleep(wait_s)

    async def _post(self, client: httpx.AsyncClient, body: bytes) -> str | None:
        """Post once; why it has to be posted again, if it has to be."""
        try:
            answer = await client.post(self._options.url, content=body, headers=self._headers)
        except httpx.HTTPError as error:
            return str(error) or type(error).__name__
        if answer.is_success:
            return None
        if answer.is_client_error and answer.status_code not in (408, 429):
            _logger.error("webhook %s refused an alarm: %d; it is left out", self._options.url, answer.status_code)
            return None
        return f"answered {answer.status_code}"


def _secret(file: Path) -> str:
    try:
        secret = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"webhook: authorization_file {file} cannot be read: {error}") from None
    if not secret.isprintable():
        raise ConfigError(f"webhook: authorization_file {file} has more than one line")
    return secret
