"""The cache of a Swift that is one process: a filter in the place of memcached, `localcache:filter_factory`."""

import time
from typing import Any


class LocalCache:
    """The calls that Swift makes on a ring of memcached servers, answered from a dictionary."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[Any, float]] = {}
        """Value and when it ends, by key; 0 is never."""

    def get(self, key: str, raise_on_error: bool = False) -> Any:
        value, ends_at = self._held.get(key, (None, 0.0))
        if ends_at and ends_at < time.time():
            del self._held[key]
            return None
        return value

    def set(self, key: str, value: Any, time: float = 0, **options: Any) -> None:
        self._held[key] = (value, _end(time))

    def incr(self, key: str, delta: int = 1, time: float = 0) -> int:
        value = int(self.get(key) or 0) + delta
        self._held[key] = (value, _end(time))
        return value

    def decr(self, key: str, delta: int = 1, time: float = 0) -> int:
        return self.incr(key, -delta, time)

    def delete(self, key: str, server_key: str | None = None) -> None:
        self._held.pop(key, None)

    def set_multi(self, mapping: dict[str, Any], server_key: str, time: float = 0, **options: Any) -> None:
        for key, value in mapping.items():
            self._held[key] = (value, _end(time))

    def get_multi(self, keys: list[str], server_key: str) -> list[Any]:
        return [self.get(key) for key in keys]


def _end(lifetime_s: float) -> float:
    return time.time() + lifetime_s if lifetime_s else 0.0


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Any:
    """What Paste asks for: a function that wraps an application."""
    cache = LocalCache()

    def wrap(app: Any) -> Any:
        def call(environment: dict[str, Any], start_response: Any) -> Any:
            environment["swift.cache"] = cache
            return app(environment, start_response)

        return call

    return wrap
