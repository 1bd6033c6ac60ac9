"""How a document leaves: encoded once, as bytes."""

import msgspec
from fastapi import Request
from fastapi.responses import Response

from headwater.model.errors import Rejected

JSON = "application/json"
ATTACHMENT = {"Content-Disposition": 'attachment; filename="provenance.json"'}

encode = msgspec.json.Encoder().encode


def json_answer(body: bytes, headers: dict[str, str] | None = None) -> Response:
    return Response(body, headers=headers, media_type=JSON)


def attachment(body: bytes) -> Response:
    """A file to save, indented for people."""
    return Response(msgspec.json.format(body, indent=2), headers=ATTACHMENT, media_type=JSON)


def flag(request: Request, name: str, default: bool = False) -> bool:
    """A query parameter that is true or false; Rejected("parameter") on anything else."""
    text = request.query_params.get(name)
    if text is None:
        return default
    word = text.lower()
    if word not in ("true", "false"):
        raise Rejected("parameter", f"{name} = {text[:40]!r}: true or false is needed")
    return word == "true"


def number(request: Request, name: str, default: int, most: int) -> int:
    """A query parameter that is an integer within 0..most; Rejected("parameter") on anything else."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 18 or int(text) > most:
        raise Rejected("parameter", f"{name} = {text[:40]!r}: an integer within 0..{most} is needed")
    return int(text)


async def body_of(request: Request, most: int) -> bytes:
    """The body of a request; Rejected("body") as soon as it is longer than `most` bytes."""
    parts, room = [], most
    async for part in request.stream():
        room -= len(part)
        if room < 0:
            raise Rejected("body", f"a body of at most {most} bytes is taken")
        parts.append(part)
    return b"".join(parts)
