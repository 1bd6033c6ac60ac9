"""The home page: alarms, totals and the topology; static/grid.js draws what the live feed tells."""

import msgspec
import nicegui.elements.leaflet  # noqa: F401  Puts Leaflet among what a page's scripts may load.
from nicegui import Client, ui

from headwater.ui.shell import STATIC, element, encode, script, shell, spoken, text
from headwater.ui.texts.common import COMMON
from headwater.ui.texts.grid import GRID

HEALTH = ("green", "yellow", "red")
SIGNS = {"green": "working", "yellow": "impaired", "red": "failed"}
SCRIPTS = ("grid.js", "grid-lists.js", "grid-topology.js", "grid-views.js")
"""In this order: the first has what the others share."""
EARLY = '<script type="module">import "nicegui-echart";</script>'
"""What draws is fetched while the page is still being put together, and not after."""
TOTALS = (("rate", ""), ("stored", ""), ("sent", "="), ("delivered", "+"), ("buffered", "+"), ("dropped", ""))
"""What is summed up, and the sign that follows it."""


def add_grid() -> None:
    """Let the dashboard have its home page."""

    @ui.page("/")
    def page(client: Client) -> None:
        texts = GRID[spoken(client)]
        with shell(client, "grid", texts.title, "grid") as language:
            ui.add_head_html(f'<link rel="stylesheet" href="{STATIC}/grid.css">')
            ui.add_head_html(EARLY)
            for name in SCRIPTS:
                script(name)
            alarms = element("section", "alarms").props(f'id=alarms aria-label="{texts.alarms}"')
            alarms.props("aria-live=polite aria-relevant=additions")
            with element("section", "card totals").props(f'aria-label="{texts.totals}"'):
                for key, sign in TOTALS:
                    with element("div", f"total {key}"):
                        text(getattr(texts, key), "quiet")
                        text("–", "value").props(f"data-total={key}")
                    text(sign, "sign").props("aria-hidden=true")
                text("", "proof").props("data-total=proof")
            with element("section", "card"):
                with element("div", "head"):
                    text(texts.title, tag="h1")
                    text("", "quiet").props("data-total=nodes")
                    with element("div", "views").props(f'role=group aria-label="{texts.view}" hidden'):
                        for view in ("topology", "map"):
                            text(getattr(texts, view), tag="button").props(f"type=button data-view={view}")
                    with element("div", "legend"):
                        for health in HEALTH:
                            element("img").props(f'src="{STATIC}/{SIGNS[health]}.svg" alt="" width=16 height=16')
                            text(getattr(COMMON[language], health))
                with element("div", "empty").props("id=empty hidden"):
                    text(texts.empty, tag="h2")
                    text(texts.empty_next, "quiet", "p")
                chart = ui.echart({}).classes("graph").props(f'role=img aria-label="{texts.chart}"')
                element("div", "map").props(f'id=map role=region aria-label="{texts.map}" hidden')
                element("ul", "troubles").props(f'id=troubles aria-label="{texts.troubles}" hidden')
                element("ul", "nodes").props(f'id=nodes aria-label="{texts.list}"')
        options = {"chart": chart.id, "texts": msgspec.to_builtins(texts)}
        ui.add_head_html(f'<script id="grid-options" type="application/json">{encode(options)}</script>')
