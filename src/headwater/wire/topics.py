"""Topic patterns: MQTT topic filters in which `{name}` stands for one level, and keeps what was there."""

import re
from typing import NamedTuple

_CAPTURE = re.compile(r"\{([A-Za-z_]\w*)\}")
_SHARED = re.compile(r"\$share/[^/+#]+/")
TOPIC_BYTES_MAX = 65_535


class Pattern(NamedTuple):
    """A topic pattern, ready to be subscribed to and to be matched."""

    filter: str
    """What is subscribed to."""
    levels: tuple[str, ...]
    names: frozenset[str]
    """What is captured."""

    def match(self, topic: str) -> dict[str, str] | None:
        """What each name stands for in a topic, None when the topic does not match."""
        found = topic.split("/")
        captured: dict[str, str] = {}
        for at, level in enumerate(self.levels):
            if level == "#":
                return captured
            if at >= len(found):
                return None
            if level.startswith("{"):
                captured[level[1:-1]] = found[at]
            elif level not in ("+", found[at]):
                return None
        return captured if len(found) == len(self.levels) else None


def parse_pattern(text: str) -> Pattern:
    """The pattern that a text such as `plant/{meter}/+/{metric}` means; ValueError says what is wrong with it."""
    shared = _SHARED.match(text)
    prefix = shared[0] if shared else ""
    levels = tuple(text.removeprefix(prefix).split("/"))
    if not text.removeprefix(prefix) or len(text.encode(errors="replace")) > TOPIC_BYTES_MAX or "\0" in text:
        raise ValueError(f"a topic has 1 to {TOPIC_BYTES_MAX} bytes, none of them 0")
    names = [_level_name(level, at == len(levels) - 1) for at, level in enumerate(levels)]
    given = [name for name in names if name]
    if len(set(given)) < len(given):
        raise ValueError("captures the same name twice")
    plain = ["+" if name else level for name, level in zip(names, levels, strict=True)]
    return Pattern(prefix + "/".join(plain), levels, frozenset(given))


def _level_name(level: str, last: bool) -> str | None:
    """The name that a level captures; ValueError when a wildcard does not fill its level."""
    if capture := _CAPTURE.fullmatch(level):
        return capture[1]
    if "{" in level or "}" in level:
        raise ValueError(f"the level {level!r} must be a {{name}} as a whole, or have no braces")
    if ("#" in level and (level != "#" or not last)) or ("+" in level and level != "+"):
        raise ValueError(f"the level {level!r}: + must be a whole level, and # the last one")
    return None
