"""The page that finds values; static/find.js asks and shows, with find-form.js, find-chart.js and gaps.js."""

import msgspec
from nicegui import Client, ui

from headwater.ui.language import Language
from headwater.ui.points import points_head, points_table, points_tools
from headwater.ui.shell import element, encode, module, shell, spoken, styles, text
from headwater.ui.texts.find import FIND, FindTexts
from headwater.ui.texts.points import POINTS

VIEWS = ("table", "chart")
ORDERS = ("newest", "oldest")
TIMES = ("from", "to")
_TIME = "type=datetime-local step=0.001 max=9999-12-31T23:59"
_NUMBER = "type=number step=any"
_FIELDS = {
    "id": "maxlength=20 spellcheck=false",
    "meter": "maxlength=200 list=meters",
    "metric": "maxlength=200 list=metrics",
    "node": "maxlength=200 list=nodes",
    "from": _TIME,
    "to": _TIME,
    "min": _NUMBER,
    "max": _NUMBER,
}
"""What can be asked for, as the API calls it, and how it is typed in."""


def add_find() -> None:
    """Let the dashboard have the page."""

    @ui.page("/find")
    def page(client: Client) -> None:
        texts = FIND[spoken(client)]
        with shell(client, "find", texts.title) as language:
            points_head()
            styles("ask.css")
            styles("find.css")
            module("find.js")
            _form(texts)
            chart = _results(texts, language)
        options = {"chart": chart.id, "texts": msgspec.to_builtins(texts)}
        ui.add_head_html(f'<script id="find-options" type="application/json">{encode(options)}</script>')


def _form(texts: FindTexts) -> None:
    with element("form", "card finder").props(f'aria-label="{texts.title}" novalidate'):
        with element("div", "title"):
            text(texts.title, tag="h1")
            text(texts.about, "quiet")
        with element("div", "fields"):
            for name, props in _FIELDS.items():
                with element("label", name):
                    text(getattr(texts, f"measured_{name}" if name in TIMES else name), "quiet")
                    element("input", "field").props(f"name={name} autocomplete=off {props}")
            with element("label", "order"):
                text(texts.order, "quiet")
                with element("select", "field").props("name=order"):
                    for order in ORDERS:
                        text(getattr(texts, order), tag="option").props(f"value={order}")
        for name in ("meters", "metrics", "nodes"):
            element("datalist").props(f"id={name}")
        text("", "problem", "div").props("role=alert hidden")
        with element("div", "line"):
            text(texts.find, "main-button", "button").props("type=submit")
            text(texts.clear, "chip clear", "button").props("type=button")
            text("", "answer").props("role=status")


def _results(texts: FindTexts, language: Language) -> ui.echart:
    with element("section", "card results").props(f'aria-label="{texts.found}" hidden'):
        with element("div", "head"):
            with element("div", "views").props(f'role=group aria-label="{texts.views}"'):
                for view in VIEWS:
                    text(getattr(texts, view), "chip", "button").props(
                        f"type=button data-show={view} aria-pressed=false"
                    )
            with element("label", "metric-choice").props("hidden"):
                text(POINTS[language].metric, "quiet")
                element("select", "field").props("name=shown")
            with element("div", "out"):
                points_tools(language, "found")
        text("", "note", "p").props("role=status hidden")
        with element("div").props("data-view=table"):
            points_table(language, "found", texts.found)
        with element("div").props("data-view=chart hidden"):
            chart = ui.echart({}).props(f'role=img aria-label="{texts.chart_about}"')
            text("", "quiet legend-note", "p").props("hidden")
            element("ul", "gaps").props(f'aria-label="{texts.gaps}"')
        with element("div", "foot").props("hidden"):
            text(texts.more, "chip more", "button").props("type=button")
    return chart
