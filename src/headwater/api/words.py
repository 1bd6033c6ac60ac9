"""What a query says in words: nodes by id or name, instants, numbers."""

import math
import re

from fastapi import Request

from headwater.api import openapi
from headwater.model.errors import Rejected
from headwater.model.ids import DataPointId, format_node, parse_id, parse_node
from headwater.store.port import Reader

NODE = openapi.parameter(
    "node", "query", False, {"type": "string"}, "A node: its id of 6 hexadecimal digits, or its name"
)
METER = openapi.parameter("meter", "query", False, {"type": "string"}, "The meter's id, exactly")
METRIC = openapi.parameter("metric", "query", False, {"type": "string"}, "The metric's id, exactly")

_INSTANT = re.compile(r"-?[0-9]{1,18}", re.ASCII)


def node_of(reader: Reader, text: str) -> int:
    """The node of an id or a name; Rejected("node") when it is no id and nobody is called so."""
    try:
        return parse_node(text)
    except Rejected:
        named = next((node.id for node in reader.nodes() if node.name == text), None)
    if named is None:
        raise Rejected(
            "node", f"{text[:40]!r} is not a node id (6 hexadecimal digits), and no node that is known is called so"
        )
    return named


def only_node_of(reader: Reader, text: str) -> int:
    """The same where a wrong guess would do harm: Rejected("node") too when several are called so."""
    found = node_of(reader, text)
    called = [format_node(node.id) for node in reader.nodes() if node.name == text]
    if len(called) > 1:
        raise Rejected("node", f"{text[:40]!r} is what {', '.join(called)} are called: say which by its id")
    return found


def text(request: Request, name: str) -> str | None:
    """A query parameter as it is; Rejected("parameter") for what is no text."""
    said = request.query_params.get(name)
    try:
        (said or "").encode()
    except UnicodeEncodeError:
        raise Rejected("parameter", f"{name} = {said!a}: half a surrogate pair is no character") from None
    return said


def instant(request: Request, name: str) -> int | None:
    """A query parameter in ms since the epoch, UTC; Rejected("parameter") on anything else."""
    text = request.query_params.get(name)
    if text is None:
        return None
    if not _INSTANT.fullmatch(text):
        raise Rejected("parameter", f"{name} = {text[:40]!r}: an integer is needed, ms since the epoch, UTC")
    return int(text)


def decimal(request: Request, name: str) -> float | None:
    """A query parameter that is a finite number; Rejected("parameter") on anything else."""
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in text:
        raise Rejected("parameter", f"{name} = {text[:40]!r}: a number is needed")
    return value


def word(request: Request, name: str, words: tuple[str, ...]) -> str:
    """A query parameter that is one of some words, the first by default; Rejected("parameter") on anything else."""
    text = request.query_params.get(name, words[0])
    if text not in words:
        raise Rejected("parameter", f"{name} = {text[:40]!r}: {' or '.join(words)} is needed")
    return text


def ids_of(texts: list[str], most: int) -> list[DataPointId]:
    """The ids of a body; Rejected("question") with the place of one that is none, or when they are too many."""
    if len(texts) > most:
        raise Rejected("question", f"{len(texts)} ids in one request: at most {most} are taken")
    ids = []
    for position, text in enumerate(texts):
        try:
            ids.append(parse_id(text))
        except Rejected as error:
            raise Rejected("question", f"ids[{position}]: {error.detail}") from error
    return ids
