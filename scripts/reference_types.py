"""Types, defaults and sentences of struct fields, read from the code, as a person would say them."""

import ast
import inspect
import json
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET, Meta, UnsetType

_WORDS = {int: "integer", float: "number", str: "text", bool: "`true` or `false`", Path: "path", Any: "any"}


class Field(NamedTuple):
    """A field as a row of a table."""

    name: str
    type: str
    default: str
    sentence: str


def fields(struct: type[msgspec.Struct], said: dict[str, str] | None = None) -> list[Field]:
    """The fields of a struct under their written names; `said` has sentences for those without a docstring."""
    hints = get_type_hints(struct, include_extras=True)
    told = _sentences(struct) | (said or {})
    return [
        Field(field.encode_name, words(hints[field.name]), _default(field), told.get(field.name, ""))
        for field in msgspec.structs.fields(struct)
    ]


def structs_in(hint: Any) -> list[type[msgspec.Struct]]:
    """The structs that a type is made of."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return [hint]
    return [struct for part in get_args(hint) for struct in structs_in(part)]


def words(hint: Any) -> str:
    """A type in words."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _bounded(words(arguments[0]), [part for part in arguments[1:] if isinstance(part, Meta)])
    if origin is Literal:
        return ", ".join(f"`{json.dumps(one)}`" for one in arguments)
    if origin in (Union, types.UnionType):
        kept = [part for part in arguments if part not in (type(None), UnsetType)]
        return " or ".join(dict.fromkeys(map(words, kept)))
    if origin in (list, tuple):
        inside = [part for part in arguments if part is not Ellipsis]
        return "list of " + " and ".join(dict.fromkeys(map(words, inside)))
    if origin is dict:
        return f"object of {words(arguments[1])}"
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint.__name__
    return _WORDS.get(hint, getattr(hint, "__name__", str(hint)))


def _bounded(word: str, metas: list[Meta]) -> str:
    for meta in metas:
        if meta.ge is not None and meta.le is not None:
            word += f", {_short(meta.ge)} to {_short(meta.le)}"
        elif meta.ge is not None:
            word += f", at least {_short(meta.ge)}"
        elif meta.gt is not None:
            word += f", above {_short(meta.gt)}" + (f", up to {_short(meta.le)}" if meta.le is not None else "")
        if meta.max_length is not None:
            word += f", at most {meta.max_length}"
    return word


def _short(number: float) -> str:
    return f"{number:.12g}" if isinstance(number, float) else str(number)


def _default(field: msgspec.structs.FieldInfo) -> str:
    value = field.default
    if value is msgspec.NODEFAULT:
        value = field.default_factory() if field.default_factory is not msgspec.NODEFAULT else value
    if value is msgspec.NODEFAULT:
        return "needed"
    if value is None or value is UNSET or value in ((), [], {}) or isinstance(value, msgspec.Struct):
        return ""
    return f"`{json.dumps(str(value) if isinstance(value, Path) else value)}`"


def _sentences(struct: type[msgspec.Struct]) -> dict[str, str]:
    """The docstrings below the fields of a struct and of its bases."""
    told: dict[str, str] = {}
    for base in reversed(struct.__mro__):
        if issubclass(base, msgspec.Struct) and base is not msgspec.Struct:
            tree = ast.parse(inspect.getsource(inspect.getmodule(base)))  # type: ignore[arg-type]
            body = next(
                node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == base.__name__
            )
            told |= dict(filter(None, map(_told, body, body[1:])))
    return told


def _told(field: ast.stmt, below: ast.stmt) -> tuple[str, str] | None:
    if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
        return None
    if not isinstance(below, ast.Expr) or not isinstance(below.value, ast.Constant):
        return None
    return field.target.id, " ".join(str(below.value.value).split())


def table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"
