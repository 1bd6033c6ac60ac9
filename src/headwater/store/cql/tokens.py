"""The words of a CQL text, each with its place; what the grammar has no use for is refused here."""

import math
import re
from typing import NamedTuple
from uuid import UUID

from headwater.store.query.faults import SqlFault

CQL = "cql"
"""The reason that refusals of CQL are counted by."""
TEXT_MAX = 10_000
"""Characters of a statement."""
Value = str | int | float | bool | bytes | UUID

_TOKEN = re.compile(
    r"""
    (?P<space> [ \t\r\n]+ | --[^\n]* | //[^\n]* | /\*.*?\*/ )
  | (?P<uuid> [0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12} (?![0-9A-Za-z_-]) )
  | (?P<blob> 0[xX](?:[0-9a-fA-F]{2})* (?![0-9A-Za-z_]) )
  | (?P<number> -?[0-9]+ (?:\.[0-9]*)? (?:[eE][+-]?[0-9]+)? (?![0-9A-Za-z_.]) )
  | (?P<string> '(?:[^']|'')*' )
  | (?P<quoted> "(?:[^"]|"")+" )
  | (?P<word> [A-Za-z_][A-Za-z0-9_]* )
  | (?P<sign> <= | >= | != | [*(),.;=<>] )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)


class Token(NamedTuple):
    """A word of a text."""

    kind: str
    """word (in lower case), quoted (a name), value, sign, end."""
    text: str
    at: int
    """Where it begins, in characters."""
    value: Value | None = None

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else self.text[:40]


def fault(text: str, at: int, detail: str) -> SqlFault:
    """A refusal that names the place of a character."""
    before = text[:at]
    return SqlFault(detail, before.count("\n") + 1, at - before.rfind("\n"), CQL)


def tokens(text: str) -> list[Token]:
    """The words of a text, the end as the last; SqlFault for what is none."""
    if len(text) > TEXT_MAX:
        raise SqlFault(f"a statement of {len(text)} characters: at most {TEXT_MAX} are taken", reason=CQL)
    if not text.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise SqlFault("the statement holds half a character (a lone surrogate)", reason=CQL)
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise fault(text, at, _strange(text, at))
        kind = str(match.lastgroup)
        if kind != "space":
            found.append(_token(text, kind, match.group(), at))
        at = match.end()
    return [*found, Token("end", "", at)]


def _token(text: str, kind: str, said: str, at: int) -> Token:
    match kind:
        case "word":
            word = said.lower()
            if word in ("true", "false"):
                return Token("value", said, at, word == "true")
            return Token("word", word, at)
        case "quoted":
            return Token("quoted", said[1:-1].replace('""', '"'), at)
        case "string":
            return Token("value", said, at, said[1:-1].replace("''", "'"))
        case "blob":
            return Token("value", said, at, bytes.fromhex(said[2:]))
        case "uuid":
            return Token("value", said, at, UUID(said))
        case "number":
            return Token("value", said, at, _number(text, said, at))
    return Token("sign", said, at)


def _number(text: str, said: str, at: int) -> int | float:
    if said.removeprefix("-").isdecimal():
        if len(said) > 40:
            raise fault(text, at, "the number is too long")
        return int(said)
    number = float(said)
    if not math.isfinite(number):
        raise fault(text, at, f"{said[:40]} is too large a number")
    return number


def _strange(text: str, at: int) -> str:
    match text[at]:
        case "'":
            return "the text that begins here has no end: a ' is missing (a ' inside is written '')"
        case '"':
            return 'the name that begins here is empty or has no end: a " is missing'
        case "?" | ":":
            return "values stand in the statement itself: there is nothing to fill a place with"
        case "{" | "[":
            return "only single values can be compared with, no collections"
        case "$":
            return "texts stand between single quotes, no $$"
    return f"{text[at]!r} has no place in a SELECT, or the number or name that it begins is none"
