"""The page of a lineage, and the drawing that static/lineage.js asks for when something is opened."""

import msgspec
from fastapi import FastAPI, Request
from nicegui import Client, ui
from starlette.responses import Response

from headwater.client import AsyncClient
from headwater.ui.lineage.ask import drawing
from headwater.ui.lineage.view import view_of
from headwater.ui.points import points_head
from headwater.ui.shell import element, encode, script, shell, spoken, styles, text
from headwater.ui.texts.common import COMMON
from headwater.ui.texts.lineage import LINEAGE, LineageTexts

EXPORTS = ("json", "csv", "png")
_encode = msgspec.json.Encoder().encode


def add_lineage(app: FastAPI, api: AsyncClient) -> None:
    """Let the dashboard have its lineage pages."""

    @app.get("/lineage-drawing/{id:path}")
    async def drawn(request: Request, id: str) -> Response:
        shown = await drawing(api, view_of(id, request.query_params))
        return Response(_encode(shown), media_type="application/json", headers={"cache-control": "no-store"})

    @ui.page("/lineage")
    def ask(client: Client, id: str = "") -> None:
        _page(client, id.strip())

    @ui.page("/lineage/{id:path}")
    def page(client: Client, id: str) -> None:
        _page(client, id)


def _page(client: Client, id: str) -> None:
    texts = LINEAGE[spoken(client)]
    with shell(client, "lineage", texts.title) as language:
        styles("lineage.css")
        points_head()
        for name in ("lineage-words.js", "lineage-side.js", "lineage-export.js", "lineage.js"):
            script(name)
        with element("div", "lineage"):
            with element("section", "card"):
                _head(texts)
                text("", "notice quiet", "div").props("id=notice role=status")
                element("div", "canvas").props(f'id=canvas tabindex=0 role=group aria-label="{texts.graph}"')
            with element("aside", "card side").props(f'id=side aria-label="{texts.context}" hidden'):
                pass
    options = {"id": id, "texts": {**msgspec.to_builtins(COMMON[language]), **msgspec.to_builtins(texts)}}
    ui.add_head_html(f'<script id="lineage-options" type="application/json">{encode(options)}</script>')


def _head(texts: LineageTexts) -> None:
    with element("div", "head"):
        with element("div", "about"):
            text(texts.title, tag="h1").props("id=title")
            text("", "quiet").props("id=subtitle")
        with element("form", "ask").props('id=ask action="/lineage" role=search'):
            element("input", "field mono").props(
                f'name=id id=wanted maxlength=40 autocomplete=off spellcheck=false placeholder="{texts.id_field}" '
                f'aria-label="{texts.id_field}"'
            )
            text(texts.show, "chip", "button").props("type=submit")
    with element("div", "tools").props("id=tools hidden"):
        text(texts.forward, "chip", "button").props("id=forward type=button aria-pressed=false")
        text(texts.fold_all, "chip", "button").props("id=fold type=button")
        with element("span", "exports"):
            text(texts.save_as, "quiet")
            for kind in EXPORTS:
                text(kind.upper(), "chip", "button").props(
                    f'type=button data-export={kind} aria-label="{texts.save_as} {kind.upper()}"'
                )
            text(texts.copy_id, "chip", "button").props("id=copy type=button")
