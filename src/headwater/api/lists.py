"""Lists of what the store numbers, newest first, in pages."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from fastapi import FastAPI, Request
from fastapi.responses import Response

from headwater.api import openapi
from headwater.api.answers import encode, json_answer
from headwater.api.pages import CURSOR, PAGE_HEADERS, SIZE_MAX, Page, Question, size_of, size_parameter
from headwater.api.service import Service
from headwater.store.port import Reader

SIZE = size_parameter(SIZE_MAX)


class Numbered(Protocol):
    """What has a place in its list."""

    @property
    def number(self) -> int: ...


T = TypeVar("T", bound=Numbered)


def add_list(
    app: FastAPI,
    service: Service,
    path: str,
    summary: str,
    document: Any,
    look: Callable[[Reader, int, int | None], list[T]],
    draw: Callable[[T], Any],
) -> None:
    """Add a resource: `look` finds so many before a number, and `draw` makes a `document` of each."""
    name = path.rpartition("/")[2]
    question = Question(name)

    @app.get(
        path,
        name=name,
        summary=summary,
        responses=openapi.answers(list[document], openapi.BAD_REQUEST, headers=PAGE_HEADERS),
        openapi_extra=openapi.parameters(SIZE, CURSOR),
    )
    async def listed(request: Request) -> Response:
        size, before = size_of(request, SIZE_MAX), question.place_in(request, 1)[0]
        found = await service.lanes.glance(lambda reader: look(reader, size + 1, before))
        return json_page(Page.cut(question, found, size, lambda item: (item.number,)), draw, request)


def json_page(page: Page[T], draw: Callable[[T], Any], request: Request) -> Response:
    """A page as an answer, with the link to the next one."""
    return json_answer(encode([draw(item) for item in page.items]), page.link(request))
