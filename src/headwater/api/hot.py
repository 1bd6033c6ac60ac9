"""Answers that are asked again and again: kept encoded for as long as the store stays the same, and shared.

It stands before the application, so what it has an answer for passes no routing, no thread and no encoding. An answer
is kept under the version that the store had before it was made: it is never older than the store, at most newer.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

KEPT_BYTES_MAX = 32 << 20
ANSWER_BYTES_MAX = 1 << 20
Version = tuple[int, ...]
Key = tuple[str, bytes]

# What depends on the store alone: values come from agents. A query that is written strangely goes the long way.
_PATH = re.compile(r"/v1/(cluster/[0-9A-Fa-f]{6}/provenance|provenance/[0-9A-Fa-f]{20}(/forward)?)")
_QUERY = re.compile(rb"((size|structure|cursor)=[\w-]*(&|$))*")


class Answer(NamedTuple):
    """An answer as it is sent."""

    messages: tuple[Message, ...]
    size: int
    kept: bool
    """Whether it may be given to others later."""


class HotAnswers:
    """Keeps answers of an application to GET requests, and lets equal questions that come meanwhile wait for one."""

    def __init__(self, app: ASGIApp, version: Callable[[], Awaitable[Version | None]]) -> None:
        """`version` tells the state of the store; None when that cannot be told."""
        self._app = app
        self._version_of_store = version
        self._version: Version | None = None
        self._kept: dict[Key, Answer] = {}
        self._bytes = 0
        self._making: dict[Key, asyncio.Task[Answer]] = {}
        self.hits = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_hot(scope):
            await self._app(scope, receive, send)
            return
        version = await self._version_of_store()
        if version is None:
            await self._app(scope, receive, send)
            return
        self._see(version)
        answer = await self._answer((scope["path"], scope["query_string"]), scope)
        for message in answer.messages:
            await send(message)

    def _see(self, version: Version) -> None:
        if version != self._version:
            self._version = version
            self._forget()

    def _forget(self) -> None:
        self._kept = {}
        self._making = {}
        self._bytes = 0

    async def _answer(self, key: Key, scope: Scope) -> Answer:
        kept = self._kept.get(key)
        if kept is not None:
            self.hits += 1
            return kept
        making = self._making.get(key)
        if making is None:
            making = self._making[key] = asyncio.create_task(self._make(key, dict(scope), self._version))
        # One who asked and went away must not take the answer from the others.
        return await asyncio.shield(making)

    async def _make(self, key: Key, scope: Scope, version: Version | None) -> Answer:
        try:
            answer = await answered(self._app, scope)
        finally:
            if version == self._version:
                self._making.pop(key, None)
        if answer.kept and version == self._version:
            if self._bytes + answer.size > KEPT_BYTES_MAX:
                self._forget()
            self._kept[key] = answer
            self._bytes += answer.size
        return answer


def is_hot(scope: Scope) -> bool:
    """Whether a request's answer depends on the store alone."""
    return (
        scope["method"] == "GET"
        and _PATH.fullmatch(scope["path"]) is not None
        and _QUERY.fullmatch(scope["query_string"]) is not None
    )


async def answered(app: ASGIApp, scope: Scope) -> Answer:
    """What an application answers to a request without a body, as a whole."""
    messages: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, send)
    size = sum(len(message.get("body", b"")) for message in messages)
    kept = messages[0]["status"] == 200 and size <= ANSWER_BYTES_MAX
    return Answer(tuple(messages), size, kept)
