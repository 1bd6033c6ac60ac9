"""Tables of a TOML file that know their place, so that whatever is wrong in them is named with it."""

import json
import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import inspect

from headwater.model.errors import ConfigError

T = TypeVar("T")
Steps = tuple[tuple[str, int], ...]
"""The way to a table: names, each with the number of its [[table]] from 1, 0 for a table that is there once."""

_FAULT = re.compile(r"(?s)(?P<what>.*?)(?: - at `\$(?:\.(?P<key>\w+))?(?P<deeper>[^`]*)`)?")
_MISSING = re.compile(r"Object missing required field `(?P<key>[^`]*)`")
_HEADER = re.compile(r"\s*\[(?P<array>\[?)\s*(?P<name>[\w.-]+)\s*\]")


class Table(NamedTuple):
    """One table of a TOML file."""

    file: str
    text: str
    values: Mapping[str, object]
    steps: Steps = ()
    called: str = ""
    """What the reader calls the table, such as `[[node]] 2 ("gatewayB")`; empty for the whole file."""

    def known(self, keys: Collection[str]) -> None:
        """ConfigError that names the first key which is not among `keys`."""
        for key in self.values:
            if key not in keys:
                raise ConfigError(f'{self.file}: unknown key "{key}"{self._place(key)}; {meant(key, keys)}')

    def error(self, key: str, why: str) -> ConfigError:
        """What to raise when the value of a key is wrong."""
        value = self.values.get(key)
        shown = f" = {toml_text(value)[:80]}" if isinstance(value, bool | int | float | str) else ""
        return ConfigError(f"{self.file}: {key}{shown}{self._place(key)}: {why}")

    def missing(self, key: str) -> ConfigError:
        """What to raise when a key is absent."""
        return ConfigError(f'{self.file}: "{key}" is missing{self._place()}')

    def string(self, key: str, default: str | None = None) -> str:
        """The string at a key; ConfigError when it is another type, or absent without a default."""
        value = self.values.get(key, default)
        if value is None:
            raise self.missing(key)
        if not isinstance(value, str):
            raise self.error(key, f"expected a string, got {type(value).__name__}")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """The true or false at a key; ConfigError when it is another type."""
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise self.error(key, f"expected true or false, got {type(value).__name__}")
        return value

    def read(self, key: str, reader: Callable[[str], T], default: str | None = None) -> T:
        """What `reader` makes of the string at a key; its ValueError becomes a ConfigError with the place."""
        text = self.string(key, default)
        try:
            return reader(text)
        except ValueError as error:
            raise self.error(key, str(error)) from None

    def strings(self, key: str, reader: Callable[[str], T]) -> tuple[T, ...]:
        """What `reader` makes of each string of the list at a key, none when absent; ConfigError like `read`."""
        values = self.values.get(key, [])
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise self.error(key, "expected a list of strings")
        try:
            return tuple(map(reader, values))
        except ValueError as error:
            raise self.error(key, str(error)) from None

    def table(self, key: str) -> "Table":
        """The table at a key, empty when absent."""
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            raise self.error(key, "expected a table")
        called = f"{key} of {self.called}" if self.called else f"[{key}]"
        return self._replace(values=value, steps=(*self.steps, (key, 0)), called=called)

    def tables(self, key: str) -> list["Table"]:
        """The tables of [[key]], none when absent."""
        value = self.values.get(key, [])
        name = ".".join([step for step, _ in self.steps] + [key])
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise self.error(key, f"expected tables that each begin with [[{name}]]")
        return [self._entry(key, name, number, entry) for number, entry in enumerate(value, 1)]

    def build(self, kind: type[T], values: Mapping[str, object]) -> T:
        """A struct of values by field, which are called here as in the file; ConfigError when they do not fit."""
        try:
            return convert(kind, values)
        except msgspec.ValidationError as fault:
            key, why = explain(kind, str(fault))
            told = self._replace(values=values)
            raise (self._whole(why) if key is None else told.error(key, why)) from None

    def _entry(self, key: str, name: str, number: int, values: Mapping[str, object]) -> "Table":
        named = f' ("{values["name"]}")' if isinstance(values.get("name"), str) else ""
        called = f"[[{name}]] {number}{named}" + (f" of {self.called}" if self.called else "")
        return self._replace(values=values, steps=(*self.steps, (key, number)), called=called)

    def _whole(self, why: str) -> ConfigError:
        return ConfigError(f"{self.file}{f', {self.called}' if self.called else ''}: {why}")

    def _place(self, key: str | None = None) -> str:
        line = line_of(self.text, self.steps, key)
        return (f" in {self.called}" if self.called else "") + (f", line {line}" if line else "")


def read_file(path: Path) -> Table:
    """The whole of a TOML file; ConfigError when it cannot be read or is not TOML."""
    try:
        text = path.read_text(encoding="utf-8")
        return Table(str(path), text, tomllib.loads(text))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at byte {error.start}") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None


def convert(kind: type[T], values: Mapping[str, object]) -> T:
    """A struct of values by field, paths as strings or paths; msgspec.ValidationError when they do not fit."""
    return msgspec.convert(values, kind, strict=True, dec_hook=_decoded)


_BEGINNINGS = ("Expected ", "Object ", "Invalid ", "Unknown ")
"""How sentences of msgspec begin; ours may begin with a name, such as W."""


def explain(kind: type, fault: str) -> tuple[str | None, str]:
    """The key that a msgspec.ValidationError is about, None for the whole, and what it says in plain words."""
    match = _FAULT.fullmatch(fault)
    what, key = (match["what"], match["key"]) if match else (fault, None)
    if missing := _MISSING.fullmatch(what):
        return key, f'"{missing["key"]}" is missing'
    if key and what.startswith("Invalid enum value"):
        return key, f"must be one of {', '.join(map(str, _choices(kind, key)))}"
    begins = what[:1].lower() if what.startswith(_BEGINNINGS) else what[:1]
    return key, begins + what[1:].replace("`", "")


def meant(word: str, words: Collection[str]) -> str:
    """What to ask or tell someone who wrote a word that is not among the known ones."""
    close = get_close_matches(word, sorted(words), n=1)
    return f'did you mean "{close[0]}"?' if close else f"there are {', '.join(sorted(words))}"


def line_of(text: str, steps: Steps, key: str | None) -> int | None:
    """The line of a key in a table, or of the nearest table around it, when a plain search finds one."""
    assignment = re.compile(rf"""\s*["']?{re.escape(key or "")}["']?\s*=""")
    found = None
    for number, here, line in _lines(text):
        if here == steps and (key is None or assignment.match(line)):
            return number
        if here in ((*steps, (key, 1)), (*steps, (key, 0))):
            return number
        if found is None and here == steps:
            found = number if _HEADER.match(line) else None
    if found is None and steps:
        return line_of(text, steps[:-1], steps[-1][0])
    return found


def toml_text(value: object) -> str:
    """A TOML value on one line: strings, paths, numbers, booleans, and lists and tables of them."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml_text(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml_text, value)) + "]"
    if isinstance(value, str | Path):
        return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value) if isinstance(value, float) else json.dumps(value)


def _lines(text: str) -> Iterator[tuple[int, Steps, str]]:
    """Each line with its number and the table that it is in."""
    seen: dict[str, int] = {}
    here: Steps = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            name = header["name"]
            if header["array"]:
                seen = {other: count for other, count in seen.items() if not other.startswith(f"{name}.")}
                seen[name] = seen.get(name, 0) + 1
            parts = name.split(".")
            here = tuple((part, seen.get(".".join(parts[: at + 1]), 0)) for at, part in enumerate(parts))
        yield number, here, line


def _choices(kind: type, key: str) -> tuple[object, ...]:
    """The values that a field of a struct allows; empty when it is no choice."""
    info = inspect.type_info(kind)
    fields = info.fields if isinstance(info, inspect.StructType) else ()
    types = [field.type for field in fields if field.encode_name == key]
    return types[0].values if types and isinstance(types[0], inspect.LiteralType) else ()


def _decoded(kind: type, value: object) -> Any:
    if kind is Path and isinstance(value, str | Path):
        return Path(value)
    raise ValueError(f"expected a path, got {type(value).__name__}")
