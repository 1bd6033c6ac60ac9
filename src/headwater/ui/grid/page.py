"""The home page: alarms, totals and the topology; static/grid.js draws what the live feed tells."""

import msgspec
from nicegui import Client, ui

from headwater.ui.shell import STATIC, element, encode, script, shell, spoken, text
from headwater.ui.texts.common import COMMON
from headwater.ui.texts.grid import GRID

HEALTH = ("green", "yellow", "red")
SIGNS = {"green": "working", "yellow": "impaired", "red": "failed"}
TOTALS = (("rate", ""), ("stored", ""), ("sent", "="), ("delivered", "+"), ("buffered", "+"), ("dropped", ""))
"""What is summed up, and the sign that follows it."""


def add_grid() -> None:
    """Let the dashboard have its home page."""

    @ui.page("/")
    def page(client: Client) -> None:
        texts = GRID[spoken(client)]
        with shell(client, "grid", texts.title, "grid") as language:
            script("grid.js")
            element("section", "alarms").props(f'id=alarms aria-label="{texts.alarms}" aria-live=polite')
            with element("section", "card totals").props(f'aria-label="{texts.totals}"'):
                for key, sign in TOTALS:
                    with element("div", f"total {key}"):
                        text(getattr(texts, key), "quiet")
                        text("–", "value").props(f"data-total={key}")
                    text(sign, "sign").props("aria-hidden=true")
                text("", "proof").props("data-total=proof")
            with element("section", "card"):
                with element("div", "head"):
                    text(texts.topology, tag="h1")
                    text("", "quiet").props("data-total=nodes")
                    with element("div", "legend"):
                        for health in HEALTH:
                            element("img").props(f'src="{STATIC}/{SIGNS[health]}.svg" alt="" width=16 height=16')
                            text(getattr(COMMON[language], health))
                chart = ui.echart({}).classes("graph").props(f'role=img aria-label="{texts.chart}"')
                element("ul", "nodes").props("id=nodes")
        options = {"chart": chart.id, "texts": msgspec.to_builtins(texts)}
        ui.add_head_html(f'<script id="grid-options" type="application/json">{encode(options)}</script>')
