"""A table of data points, the same on every page that has one; static/points.js fills it."""

import msgspec
from nicegui import ui

from headwater.ui.language import Language
from headwater.ui.shell import element, encode, script, styles, text
from headwater.ui.texts.points import GRID_WORDS, POINTS

ROW_PX, HEAD_PX = 36, 42


def points_head() -> None:
    """Have the page load what tables of data points take. Before the page's own script."""
    styles("points.css")
    script("points.js")


def points_tools(language: Language, name: str) -> None:
    """What stands above the table of a name: a filter over all columns, and in which zone times are shown."""
    texts = POINTS[language]
    element("input", "field").props(
        f'type=search data-filter={name} placeholder="{texts.filter}" aria-label="{texts.filter}" maxlength=200'
    )
    text(texts.local, "chip", "button").props(f'type=button data-times title="{texts.times}"')


def points_table(language: Language, name: str, label: str) -> ui.aggrid:
    """An empty table. A script has it by `points.table(name)`; what it says of downloads stands below it."""
    texts = POINTS[language]
    grid = ui.aggrid(
        {
            ":getRowId": "(row) => row.data.id",
            "columnDefs": [],
            "rowData": [],
            "rowHeight": ROW_PX,
            "headerHeight": HEAD_PX,
            "defaultColDef": {"sortable": True, "filter": True, "resizable": True},
            "rowSelection": {"mode": "multiRow", "checkboxes": False, "headerCheckbox": False,
                             "enableClickSelection": True},
            "suppressFieldDotNotation": True,
            "enableCellTextSelection": True,
            "ensureDomOrder": True,
            "enableBrowserTooltips": True,
            "animateRows": False,
            "overlayNoRowsTemplate": f'<span class="quiet">{texts.none}</span>',
            "localeText": GRID_WORDS[language],
        },
        auto_size_columns=False,
    ).classes("points")  # fmt: skip
    grid.props(f"data-points={name}")
    text("", "said quiet", "div").props(f"role=status data-said={name}")
    options = {"grid": grid.id, "label": label, "texts": msgspec.to_builtins(texts)}
    ui.add_head_html(f'<script id="points-{name}" type="application/json">{encode(options)}</script>')
    return grid
