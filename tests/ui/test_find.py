"""The page that finds values, in a browser over a running grid."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Page, expect

from headwater import __version__
from headwater.api.find import EXAMINED_MAX
from tests.ui.accessible import serious
from tests.ui.conftest import NARROW, Watched
from tests.ui.running import Grid, eventually, push

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
BEGUN_MS = 1_700_000_000_000
MARKUP = "<img src=x onerror=alert(1)>"
GAP = 4
"""So many readings of `gapped` are missing after the fifth."""


@pytest.fixture(scope="module", autouse=True)
def told(grid: Grid) -> None:
    """Meters of which every reading is known, at a node that makes no averages of them."""

    def tell(meter: str, metric: str, values: Iterable[tuple[int, float]]) -> None:
        push(grid, "endpoint", meter, [(BEGUN_MS + hour * HOUR_MS, value) for hour, value in values], metric)

    push(grid, "endpoint", "many", [(BEGUN_MS - DAY_MS + number, 0.0) for number in range(EXAMINED_MAX)])
    tell("gapped", "power", [(hour, 10.0 + hour) for hour in (*range(5), *range(5 + GAP, 10 + GAP))])
    for metric in ("power", "current"):
        tell("even", metric, [(hour, float(hour)) for hour in range(6)])
    tell(MARKUP, "power", [(0, 1.0)])
    counts = {"gapped": 10, "even": 12, MARKUP: 1}
    eventually(lambda: bool(grid.get("/find?min=1e300")["examined"] >= EXAMINED_MAX))
    eventually(
        lambda: {meter: len(grid.get(f"/find?{urlencode({'meter': meter})}")["points"]) for meter in counts} == counts
    )


def opened(page: Page, **asked: object) -> None:
    page.goto(f"/find?{urlencode(asked)}")
    expect(page.locator(".results, .problem:visible").first).to_be_visible()


def column(page: Page, name: str) -> list[str]:
    return page.locator(f".ag-center-cols-container .ag-cell[col-id={name}]").all_inner_texts()


def asked(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def find(page: Page) -> None:
    page.get_by_role("button", name="Find", exact=True).click()


def test_the_newest_values_are_there_before_anything_is_asked(page: Page) -> None:
    page.goto("/find")

    expect(page.locator(".answer")).to_have_text("500 values, there are more")
    expect(page.locator(".ag-row").first).to_be_visible()


def test_by_meter_and_metric(page: Page) -> None:
    page.goto("/find")
    expect(page.locator(".answer")).to_contain_text("500 values")
    page.get_by_label("Meter, exactly").fill("even")
    page.get_by_label("Metric, exactly").fill("current")
    find(page)

    expect(page.locator(".answer")).to_have_text("6 values")
    assert set(column(page, "meter")) == {"even"}
    assert set(column(page, "metric")) == {"current"}
    assert column(page, "value") == ["5", "4", "3", "2", "1", "0"]
    assert asked(page) == {"meter": ["even"], "metric": ["current"]}
    page.go_back()
    expect(page.locator(".answer")).to_contain_text("500 values")
    expect(page.get_by_label("Meter, exactly")).to_have_value("")


def test_by_value_and_order(page: Page) -> None:
    opened(page, meter="gapped", min="11", max="13", order="oldest")

    expect(page.locator(".answer")).to_have_text("3 values")
    assert column(page, "value") == ["11", "12", "13"]
    expect(page.get_by_label("Value at least")).to_have_value("11")
    expect(page.get_by_label("Order")).to_have_value("oldest")


def test_by_time_up_to_but_not_including_its_end(page: Page) -> None:
    opened(page, meter="even", metric="power")
    expect(page.locator(".answer")).to_have_text("6 values")
    page.get_by_label("Measured from").fill("2023-11-14T23:13:20")
    page.get_by_label("Measured before").fill("2023-11-15T01:13:20")
    find(page)

    expect(page.locator(".answer")).to_have_text("2 values")
    assert column(page, "value") == ["2", "1"]
    assert asked(page)["from"] == [str(BEGUN_MS + HOUR_MS)]
    page.reload()
    expect(page.locator(".answer")).to_have_text("2 values")
    expect(page.get_by_label("Measured from")).to_have_value(re.compile("^2023-11-14T23:13:20"))


def test_by_node(page: Page) -> None:
    opened(page, node="endpoint", meter="even", metric="power")
    expect(page.locator(".answer")).to_have_text("6 values")
    expect(page.locator("#nodes option")).to_have_count(4)

    page.get_by_label("Entered or made at node").fill("gatewayB")
    find(page)
    expect(page.locator(".note")).to_contain_text("no such value at this node")
    page.get_by_label("Entered or made at node").fill("nowhere")
    find(page)
    expect(page.locator(".problem")).to_contain_text("No node is called so")


def test_an_id_goes_straight_to_its_lineage(page: Page, grid: Grid, watched: Watched) -> None:
    id = grid.get("/find?meter=even&size=1")["points"][0]["id"]
    watched.expected += ["404"]
    page.goto("/find")
    expect(page.locator(".answer")).to_contain_text("500 values")
    page.get_by_label("Id, straight").fill(id[:-1])
    find(page)
    expect(page.locator(".problem")).to_contain_text("An id has 20 digits")
    page.get_by_label("Id, straight").fill(id.upper())
    find(page)

    page.wait_for_url(f"**/lineage/{id}")


def test_what_cannot_be_is_said_where_it_is(page: Page) -> None:
    opened(page, meter="even")
    page.get_by_label("Value at least").fill("3")
    page.get_by_label("Value at most").fill("2")
    find(page)

    expect(page.locator(".problem")).to_contain_text("exchange them")
    expect(page.get_by_label("Value at most")).to_be_focused()


def test_nothing_found_has_a_next_step(page: Page) -> None:
    opened(page, meter="nobody")

    expect(page.locator(".note")).to_contain_text("There is no such value")
    expect(page.locator(".more")).to_be_hidden()


def test_a_question_that_is_too_wide_says_how_far_it_looked(page: Page, grid: Grid) -> None:
    opened(page, min="1e300")

    expect(page.locator(".note")).to_contain_text("10,000 values were looked at so far")
    expect(page.get_by_role("button", name="More")).to_be_visible()


def test_pages_follow_each_other_without_a_double(page: Page) -> None:
    opened(page, order="oldest")
    expect(page.locator(".answer")).to_have_text("500 values, there are more")
    page.get_by_role("button", name="More").click()

    expect(page.locator(".answer")).to_have_text(re.compile(r"^1,000 values"))
    ids = page.evaluate(
        "(() => { const ids = new Set(), { grid } = JSON.parse(document.getElementById('points-found').textContent);"
        " getElement(grid).api.forEachNode((node) => ids.add(node.id)); return ids.size; })()"
    )
    assert ids == 1_000


def drawn(page: Page) -> list[dict[str, Any]]:
    """The series of the chart."""
    found: list[dict[str, Any]] = page.evaluate(
        "getElement(JSON.parse(document.getElementById('find-options').textContent).chart).chart.getOption().series"
        ".map(({ type, data, markArea }) => ({ type, values: data.map(({ value }) => value), areas: markArea?.data }))"
    )
    return found


def test_the_chart_breaks_where_values_are_missing(page: Page) -> None:
    opened(page, meter="gapped", view="chart")
    expect(page.locator("[data-view=chart] canvas").first).to_be_visible()

    (series,) = drawn(page)
    assert series["type"] == "line"
    assert [value for _, value in series["values"]] == [10, 11, 12, 13, 14, None, 19, 20, 21, 22, 23]
    expect(page.locator(".gaps li")).to_have_count(1)
    expect(page.locator(".gaps li")).to_have_text(
        "gapped: nothing from 2023-11-15 02:13:20.000 to 2023-11-15 07:13:20.000 (5 hrs)"
    )
    area = series["areas"][0]
    assert [end["xAxis"] for end in area] == [BEGUN_MS + 4 * HOUR_MS, BEGUN_MS + 9 * HOUR_MS]


def test_the_chart_shows_one_metric_and_a_range_leaves_points_apart(page: Page) -> None:
    opened(page, meter="even", view="chart")
    expect(page.locator("[data-view=chart] canvas").first).to_be_visible()
    assert [value for _, value in drawn(page)[0]["values"]] == [0, 1, 2, 3, 4, 5]
    expect(page.locator(".gaps li")).to_contain_text("No gaps")
    page.locator("select[name=shown]").select_option("power")
    assert asked(page)["shown"] == ["power"]

    page.get_by_label("Value at least").fill("4")
    find(page)
    expect(page.locator(".gaps li")).to_contain_text("cannot be told")
    assert [one["type"] for one in drawn(page)] == ["scatter"]


def test_gaps_are_judged_by_the_usual_distance_of_a_meter(page: Page) -> None:
    page.goto("/find")
    gaps = "(times) => import('/static/VERSION/gaps.js').then(({ gapsOf }) => gapsOf(times))".replace(
        "VERSION", __version__
    )

    assert page.evaluate(gaps, [0, 10, 20, 30]) == []
    assert page.evaluate(gaps, [0, 10, 20, 44]) == []
    assert page.evaluate(gaps, [0, 10, 20, 46, 56]) == [[20, 46]]
    assert page.evaluate(gaps, [0, 1000]) == []
    assert page.evaluate(gaps, []) == []


def test_markup_stays_text(page: Page) -> None:
    opened(page, meter=MARKUP, view="chart")
    expect(page.locator(".answer")).to_have_text("1 value")
    page.locator("[data-show=table]").click()

    assert column(page, "meter") == [MARKUP]
    assert page.locator(".results img, .finder img").count() == 0


def test_a_server_that_is_away_is_told(page: Page, watched: Watched) -> None:
    opened(page, meter="even")
    expect(page.locator(".answer")).to_have_text("12 values")
    watched.expected += ["ERR_INTERNET_DISCONNECTED", "WebSocket"]
    page.context.set_offline(True)
    find(page)

    expect(page.locator(".problem")).to_contain_text("The server does not answer")
    expect(page.locator(".results")).to_be_hidden()


def test_it_is_accessible(page: Page) -> None:
    opened(page, meter="gapped")
    expect(page.locator(".answer")).to_have_text("10 values")
    assert serious(page) == []
    page.locator("[data-show=chart]").click()
    page.locator(".theme").click()
    expect(page.locator("body")).to_have_class(re.compile("body--dark"))

    assert serious(page) == []


@pytest.mark.parametrize("page", [NARROW], indirect=True, ids=["narrow"])
def test_it_fits_a_telephone_and_speaks_german(page: Page) -> None:
    page.goto("/")
    page.locator("[data-language=de]").click()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    opened(page, meter="gapped", view="chart")

    expect(page.locator(".answer")).to_have_text("10 Werte")
    expect(page.locator(".gaps li")).to_contain_text("gapped: nichts von")
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]
