"""The page of a node; static/node.js draws what the live feed tells, static/node-points.js keeps the table."""

import contextlib
from urllib.parse import quote

import msgspec
from fastapi.responses import RedirectResponse
from nicegui import Client, ui

from headwater.model.errors import HeadwaterError
from headwater.ui.language import Language
from headwater.ui.node.state import found
from headwater.ui.points import points_head, points_table, points_tools
from headwater.ui.recent import Looks
from headwater.ui.shell import element, encode, script, shell, spoken, styles, text
from headwater.ui.texts.grid import GRID
from headwater.ui.texts.node import NODE, NodeTexts

RESPONSE_TIMEOUT_S = 30.0
RATES = (("received", "receives"), ("sent", "sends"))


def add_node(looks: Looks) -> None:
    """Let the dashboard have a page for each node: by id, and by name as a way to that."""

    @ui.page("/node/{id}", response_timeout=RESPONSE_TIMEOUT_S)
    async def page(client: Client, id: str) -> RedirectResponse | None:
        name, is_known = id, True
        with contextlib.suppress(HeadwaterError):  # Then the page says itself that the server does not answer.
            node = found(await looks.topology(), id)
            if node is not None and node.id != id:
                query = client.request.url.query
                return RedirectResponse(f"/node/{node.id}" + (f"?{query}" if query else ""))
            is_known, name = node is not None, node.name if node is not None else id
        language = spoken(client)
        with shell(client, "grid", name, f"node/{quote(id, safe='')}"):
            styles("node.css")
            points_head()
            script("node.js")
            script("node-points.js")
            _content(language, id, name, is_known)
        return None


def _content(language: Language, id: str, name: str, is_known: bool) -> None:
    hidden = "" if is_known else "hidden"
    texts = NODE[language]
    with element("section", "card absent").props("id=absent role=status hidden"):
        text("", "title", "p").props("id=absent-what")
        text("", "quiet", "p").props("id=absent-next")
        text(texts.to_grid, "link", "a").props('href="/"')
    with element("section", "card summary").props(f"id=summary {hidden}"):
        with element("div", "who"):
            text(texts.back, "quiet up", "a").props('href="/"')
            text("/", "quiet").props("aria-hidden=true")
            text(name, tag="h1").props("id=name")
            text(id, "mono quiet").props("id=id")
        element("div", "verdict").props("id=verdict")
        text(texts.forget, "danger", "button").props("type=button id=forget hidden")
    element("section", "alarms").props(f'id=alarms aria-label="{GRID[language].alarms}" aria-live=polite')
    with element("div", "columns known").props(hidden):
        _health(texts)
        chart = _rates(texts)
    with element("section", "card newest").props(f"id=newest {hidden}"):
        with element("div", "head"):
            text(texts.newest, tag="h2")
            text("", "quiet fresh").props("id=fresh")
            with element("div", "tools"):
                points_tools(language, "newest")
                text(texts.pause, "chip pause", "button").props("type=button id=pause aria-pressed=false")
        text("", "quiet note", "p").props("id=note role=status hidden")
        points_table(language, "newest", texts.newest)
    with element("div", "columns known").props(hidden):
        with element("section", "card"):
            with element("div", "head"):
                text(texts.links, tag="h2")
            element("ul", "links").props("id=links")
            text(texts.books, "quiet books", "p")
            with element("div", "head"):
                text(texts.clocks, tag="h2")
            element("ul", "clocks").props("id=clocks")
        with element("section", "card"):
            with element("div", "head"):
                text(texts.settings, tag="h2")
            element("dl", "facts").props("id=settings")
    _forget(texts)
    options = {
        "id": id,
        "chart": chart.id,
        "texts": msgspec.to_builtins(texts),
        "alarms": msgspec.to_builtins(GRID[language]),
    }
    ui.add_head_html(f'<script id="node-options" type="application/json">{encode(options)}</script>')


def _health(texts: NodeTexts) -> None:
    with element("section", "card health"):
        with element("div", "head"):
            text(texts.health, tag="h2")
            with element("div", "tools").props(f'role=group aria-label="{texts.window}"'):
                for window in ("hour", "day"):
                    button = text(getattr(texts, window), "chip", "button")
                    button.props(f"type=button data-window={window} aria-pressed=false")
        element("ul", "parts").props("id=parts")
        with element("div", "axis quiet").props("aria-hidden=true"):
            text("").props("id=ago")
            text(texts.now)
        with element("details", "changes"):
            text("", tag="summary").props("id=changes-count")
            element("ol").props(f'id=changes tabindex=0 aria-label="{texts.changes_list}"')


def _rates(texts: NodeTexts) -> ui.echart:
    with element("section", "card rates"):
        with element("div", "head"):
            text(texts.rates, tag="h2")
        with element("div", "numbers"):
            for key, label in RATES:
                with element("div", f"number {key}"):
                    text(getattr(texts, label), "quiet")
                    text("–", "value").props(f"data-rate={key}")
        chart = ui.echart({}).classes("line").props(f'role=img aria-label="{texts.chart}"')
        element("dl", "facts").props("id=counts")
    return chart


def _forget(texts: NodeTexts) -> None:
    with element("dialog", "card sure").props('id=sure aria-labelledby="sure-title" aria-describedby="sure-what"'):
        text("", tag="h2").props("id=sure-title")
        text(texts.forget_what, tag="p").props("id=sure-what")
        text("", "wrong", "p").props("id=sure-wrong role=alert")
        with element("div", "tools"):
            text(texts.forget_no, "chip", "button").props("type=button id=sure-no")
            text(texts.forget_yes, "danger", "button").props("type=button id=sure-yes")
