"""A lineage in a browser from end to end: over the fork, whose sensors send all the while."""

import re
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.ui.running import Grid, eventually, newest_known_whole, push

MANY = 10_000
GATEWAY_A = {"node": "000001", "name": "gatewayA"}
METER = "seldom read"
WINDOW_MS = 900_000
BEGIN_MS = WINDOW_MS * 1_900_000


def test_it_leads_from_the_endpoint_to_the_sensor_of_its_meter(page: Page, grid: Grid) -> None:
    delivered, *_, entered = newest_known_whole(grid)

    page.goto(f"/lineage/{delivered['id']}")

    expect(page.locator(".point")).to_have_count(3)
    first = page.locator(f'.point[data-key="{entered["id"]}"]')
    expect(first).to_contain_text(f"from the sensor, at {entered['node']}")
    expect(first).to_contain_text(delivered["context"]["meterId"])
    expect(first.locator(".what")).to_have_text(re.compile(r"\d"))
    first.click()
    panel = page.locator("#side")
    expect(panel.locator(".fact", has_text="Health then")).to_contain_text("node working")
    panel.get_by_role("link", name="Lineage of this data point").click()
    expect(page).to_have_url(re.compile(f"/lineage/{entered['id']}$"))
    page.locator("#forward").click()
    expect(page.locator(f'.point[data-key="{delivered["id"]}"]')).to_contain_text("received at endpoint")


def made_of(grid: Grid, meter: str, many: int) -> str:
    """The id of the average over so many readings of a meter, once they are known back to the sensor."""
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        found[:] = grid.get(f"/find?meter={quote(meter)}&metric=energy.average")["points"]
        if not found:
            return False
        first = grid.get(f"/folded/{found[0]['id']}")["cards"][-1]
        return bool(first["count"] == many and first["group"]["nodes"] == [GATEWAY_A | {"count": many}])

    eventually(is_there)
    [average] = [one["id"] for one in found]
    return str(average)


@pytest.mark.timeout(300)
def test_an_average_of_10000_readings_that_the_grid_made_opens_to_each_of_them(page: Page, grid: Grid) -> None:
    step_ms = WINDOW_MS // MANY
    push(grid, "gatewayA", METER, [(BEGIN_MS + number * step_ms, float(number)) for number in range(MANY)])
    push(grid, "gatewayA", METER, [(BEGIN_MS + 2 * WINDOW_MS, 0.0)])  # It closes the window.
    average = made_of(grid, METER, MANY)
    page.goto(f"/lineage/{average}")

    expect(page.locator("h1")).to_have_text("Where 4,999.5 energy.average came from")
    group = page.locator(f'.point[data-key="{average}.b"]')
    expect(group).to_contain_text("10,000 readings")
    expect(page.locator(f'.point[data-key^="{average}.b~"]')).to_contain_text("from the sensor, at gatewayA")
    group.click()
    last = page.locator(f'.point[data-key="{average}.b.9750-10000"]')
    last.click()
    expect(page.locator(f'.point[data-key^="{average}.b.9"]').last).to_be_visible()
