"""The page that asks in SQL or CQL; static/query.js runs it, with spoken.js, editor.js, results.js and saved.js."""

import msgspec
from nicegui import Client, ui

from headwater.ui.options import UiOptions
from headwater.ui.query.columns import COLUMNS, RELATION
from headwater.ui.query.examples import EXAMPLES
from headwater.ui.shell import element, encode, module, shell, spoken, styles, text
from headwater.ui.texts.query import QUERY, QueryTexts

VIEWS = ("table", "chart", "json", "csv")
_TABLE = {
    "columnDefs": [],
    "rowData": [],
    "rowHeight": 36,
    "headerHeight": 42,
    "ensureDomOrder": True,
    "enableCellTextSelection": True,
    "suppressDragLeaveHidesColumns": True,
    "suppressFieldDotNotation": True,
    "defaultColDef": {"sortable": True, "resizable": True},
    "overlayNoRowsTemplate": "<span></span>",
}


def add_query(known: UiOptions) -> None:
    """Let the dashboard have the page."""

    @ui.page("/query")
    def page(client: Client) -> None:
        texts = QUERY[spoken(client)]
        with shell(client, "query", texts.title):
            styles("ask.css")
            styles("query.css")
            module("query.js")
            with element("section", "card editor").props(f'aria-label="{texts.title}"'):
                with element("div", "title"):
                    text(texts.title, tag="h1")
                    text(texts.about, "quiet about")
                if len(known.languages) > 1:
                    _languages(texts, known)
                _saved(texts)
                editor = ui.codemirror("", language="SQLite", theme="githubLight", line_wrapping=True)
                _line(texts)
            with element("section", "card results").props(f'aria-label="{texts.views}" hidden'):
                _head(texts)
                text("", "note", "p").props("role=status hidden")
                table = ui.aggrid(_TABLE, auto_size_columns=False).props("data-view=table")
                chart = ui.echart({}).props("data-view=chart role=img hidden")
                element("pre").props(f'data-view=text tabindex=0 role=region aria-label="{texts.views}" hidden')
        options = {
            "editor": editor.id,
            "table": table.id,
            "chart": chart.id,
            "relation": RELATION,
            "columns": COLUMNS,
            "examples": EXAMPLES,
            "languages": known.languages,
            "site": known.site,
            "texts": msgspec.to_builtins(texts),
        }
        ui.add_head_html(f'<script id="query-options" type="application/json">{encode(options)}</script>')


def _languages(texts: QueryTexts, known: UiOptions) -> None:
    with element("div", "views").props(f'role=group aria-label="{texts.language}"'):
        for language in known.languages:
            text(getattr(texts, language), "chip", "button").props(
                f"type=button data-speak={language} aria-pressed=false"
            )


def _saved(texts: QueryTexts) -> None:
    with element("div", "line tables").props("hidden"):
        text(texts.tables, "quiet").props("id=tables-name")
        element("div", "chips").props("id=tables role=group aria-labelledby=tables-name")
    with element("div", "line examples"):
        text(texts.examples, "quiet").props("id=examples-name")
        with element("div", "chips").props("role=group aria-labelledby=examples-name"):
            for name in EXAMPLES:
                text(getattr(texts, name), "chip", "button").props(f"type=button data-example={name}")
    with element("div", "line own").props("hidden"):
        text(texts.own, "quiet").props("id=own-name")
        element("div", "chips").props("id=own role=group aria-labelledby=own-name")


def _line(texts: QueryTexts) -> None:
    text("", "problem", "div").props("role=alert hidden")
    with element("div", "line"):
        text(texts.run, "main-button run", "button").props("type=button")
        text(texts.cancel, "chip cancel", "button").props("type=button hidden")
        text(texts.keys, "quiet keys")
        with element("label", "tick").props(f'title="{texts.values_about}"'):
            element("input").props("type=checkbox id=values")
            text(texts.values)
        with element("form", "save"):
            element("input", "field").props(f'name=name maxlength=60 aria-label="{texts.name}" hidden')
            text(texts.save, "chip", "button").props("type=submit")
        text("", "answer").props("role=status")


def _head(texts: QueryTexts) -> None:
    with element("div", "head"):
        with element("div", "views").props(f'role=group aria-label="{texts.views}"'):
            for view in VIEWS:
                text(getattr(texts, view), "chip", "button").props(f"type=button data-show={view} aria-pressed=false")
        with element("div", "axes").props("hidden"):
            for axis in ("of", "over"):
                with element("label"):
                    text(getattr(texts, axis), "quiet")
                    element("select", "field").props(f"name={axis}")
        with element("div", "out"):
            text(texts.copy, "chip copy", "button").props("type=button")
            text(texts.download, "chip download", "button").props("type=button")
