"""The page of reports; static/chaos.js runs drills, reports.js lists, report.js shows one, fault.js a fault."""

import msgspec
from nicegui import Client, ui

from headwater.ui.reports.scenarios import OF_LINKS, SCENARIOS, UNTOLD
from headwater.ui.shell import element, encode, module, shell, spoken, styles, text
from headwater.ui.texts.reports import KINDS, PARTS, REPORTS, ReportsTexts

ALLOW = "chaos = {enabled = true}"
BENCH = "headwater bench throughput --rounds 5 --report var/server/reports/throughput.json"
SECONDS, SECONDS_MAX = 8, 600
COLUMNS = ("fault", "where", "detected", "told", "recovered")


def add_reports() -> None:
    """Let the dashboard have the page."""

    @ui.page("/reports")
    def page(client: Client) -> None:
        texts = REPORTS[spoken(client)]
        with shell(client, "reports", texts.title, "reports") as language:
            styles("ask.css")
            styles("reports.css")
            module("reports.js")
            with element("section", "card drill").props(f'aria-label="{texts.drill}"') as content:
                _drill(texts)
            with element("section", "card").props(f'aria-label="{texts.reports}"'):
                _reports(texts)
        options = {
            "content": content.id,
            "scenarios": SCENARIOS,
            "kinds": KINDS[language],
            "parts": PARTS[language],
            "of_links": OF_LINKS,
            "untold": UNTOLD,
            "texts": msgspec.to_builtins(texts),
        }
        ui.add_head_html(f'<script id="reports-options" type="application/json">{encode(options)}</script>')


def _drill(texts: ReportsTexts) -> None:
    with element("div", "title"):
        text(texts.drill, tag="h1")
    with element("div", "forbidden").props("hidden"):
        text(texts.disabled, tag="p")
        text(ALLOW, "mono", "pre")
        text(texts.disabled_then, "quiet", "p")
    with element("div", "allowed").props("hidden"):
        text(texts.drill_about, "quiet", "p")
        with element("form", "line"):
            for name, label in (("scenario", texts.what), ("kind", texts.kind), ("target", texts.where)):
                with element("label", name):
                    text(label, "quiet")
                    element("select", "field").props(f"name={name}")
            with element("label", "for_s"):
                text(texts.lasts, "quiet")
                element("input", "field").props(
                    f"name=for_s type=number min=1 max={SECONDS_MAX} step=1 value={SECONDS} required"
                )
            text(texts.start, "main-button start", "button").props("type=submit")
            text(texts.stop, "chip stop", "button").props("type=button hidden")
        text("", "problem", "div").props("role=alert hidden")
        text("", "doing", "p").props("role=status hidden")
        with element("div", "scrolls").props(f'tabindex=0 role=region aria-label="{texts.faults}" hidden'):  # noqa: SIM117
            with element("table", "faults"):
                text(texts.faults, "caption", "caption")
                with element("thead"), element("tr"):
                    for column in COLUMNS:
                        text(getattr(texts, column), tag="th").props("scope=col")
                element("tbody")


def _reports(texts: ReportsTexts) -> None:
    with element("div", "head"):
        text(texts.reports, tag="h2")
    with element("div", "none").props("hidden"):
        text(texts.none, tag="p")
        text(BENCH, "mono", "pre")
        text(texts.none_then, "quiet", "p")
    with element("div", "shelf"):
        element("ul", "list").props(f'aria-label="{texts.reports}"')
        element("article", "report").props("hidden tabindex=-1")
