"""What containers are called: names that DNS and Kubernetes take, made of the names of a topology."""

import re
from collections.abc import Iterable

from headwater.model.errors import ConfigError

LENGTH_MAX = 45
"""Kubernetes makes names of at most 63 characters of them, with up to 18 behind."""
AGENT = "-agent"

_OTHER = re.compile(r"[^a-z0-9-]+")


def host_of(name: str) -> str:
    """A name of a topology as that of a host; ConfigError when nothing of it can be kept, or it is too long."""
    host = _OTHER.sub("-", name.lower()).strip("-")
    if not host:
        raise ConfigError(
            f'"{name}" has no letter from a to z and no digit, so no container can be called so: rename it'
        )
    host = host if host[0].isalpha() else f"n{host}"
    if len(host) > LENGTH_MAX:
        raise ConfigError(f'"{name}" is too long a name for a container: at most {LENGTH_MAX} characters')
    return host


def all_different(names: Iterable[tuple[str, str]]) -> None:
    """ConfigError when two of (container, what of the topology it is of) are called the same."""
    used: dict[str, str] = {}
    for container, of in names:
        if container in used:
            raise ConfigError(
                f'the containers of "{used[container]}" and "{of}" would both be called {container}: rename one'
            )
        used[container] = of
