"""YAML, written the same way each time: two blanks, keys in the order given, comments above keys, short leaves on a
line."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

LINE_MAX = 118
MERGE = "<<"

_PLAIN = re.compile(
    r"(?:(?:--?)?[A-Za-z/._$]|[0-9]+(?:s|ms|m|h|Gi|Mi|m)$)[A-Za-z0-9 /._$<>=+-]*(?::[A-Za-z0-9/._$<>=+-]+)*", re.ASCII
)
_SPECIAL = re.compile(r'["\\]|[^ -~\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]')
"""What cannot stand in quotes as it is."""
_WORDS = frozenset(("true", "false", "yes", "no", "on", "off", "null", "y", "n", "~", ".inf", ".nan", "-.inf"))


class Anchored(NamedTuple):
    """A mapping that others begin with: those have `MERGE` as their first key, with `Alias` of the same name."""

    value: Mapping[str, object]
    name: str


class Alias(NamedTuple):
    """What an anchor stands for."""

    name: str


class Noted(NamedTuple):
    """A value with a comment above its key."""

    value: object
    comment: str


def yaml_text(value: Mapping[str, object], comment: str = "") -> str:
    """A document: mappings, sequences, strings, whole numbers and booleans."""
    return "\n".join([*_comment(comment, ""), *_lines(value, "")]) + "\n"


def _lines(value: object, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, entry in value.items():
            if isinstance(entry, Noted):
                yield from _comment(entry.comment, indent)
                entry = entry.value
            head = f"{indent}{key if key == MERGE else _scalar(key)}:"
            if isinstance(entry, Anchored):
                yield f"{head} &{entry.name}"
                yield from _lines(entry.value, indent + "  ")
            else:
                yield from _entry(head, entry, indent)
    elif isinstance(value, Sequence):
        for entry in value:
            yield from _item(entry, indent)


def _entry(head: str, value: object, indent: str) -> Iterator[str]:
    flow = _flow(value)
    if flow is not None and len(head) + 1 + len(flow) <= LINE_MAX:
        yield f"{head} {flow}"
    else:
        yield head
        yield from _lines(value, indent + "  ")


def _item(value: object, indent: str) -> Iterator[str]:
    flow = _flow(value)
    if flow is not None and len(indent) + 2 + len(flow) <= LINE_MAX:
        yield f"{indent}- {flow}"
    else:
        first, *rest = _lines(value, indent + "  ")
        yield f"{indent}- {first.removeprefix(indent + '  ')}"
        yield from rest


def _flow(value: object) -> str | None:
    """A scalar, or a mapping or sequence of nothing but scalars, on one line; None when it is another."""
    if isinstance(value, Mapping):
        if any(not _is_scalar(entry) for entry in value.values()):
            return None
        return "{" + ", ".join(f"{_scalar(key)}: {_scalar(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list | tuple) and not isinstance(value, Alias):
        return None if any(not _is_scalar(entry) for entry in value) else f"[{', '.join(map(_scalar, value))}]"
    return _scalar(value)


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int)


def _comment(comment: str, indent: str) -> Iterator[str]:
    for line in comment.splitlines():
        yield f"{indent}# {line}".rstrip()


def _scalar(value: object) -> str:
    if isinstance(value, Alias):
        return f"*{value.name}"
    if isinstance(value, str):
        return value if _is_plain(value) else f'"{_SPECIAL.sub(_escaped, value)}"'
    return json.dumps(value)


def _escaped(found: re.Match[str]) -> str:
    character = ord(found[0])
    if found[0] in '"\\':
        return f"\\{found[0]}"
    return f"\\x{character:02x}" if character <= 0xFF else f"\\U{character:08x}"


def _is_plain(text: str) -> bool:
    """Whether a string may stand without quotes, and is read as a string then."""
    if not _PLAIN.fullmatch(text) or text.endswith(" ") or text.lower() in _WORDS:
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False
