"""A lineage in a browser from end to end: over the fork, whose sensors send all the while."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.ui.running import Grid, averaged, newest_known_whole

MANY = 10_000
METER = "seldom read"


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


@pytest.mark.timeout(300)
def test_an_average_of_10000_readings_that_the_grid_made_opens_to_each_of_them(page: Page, grid: Grid) -> None:
    average = averaged(grid, METER, MANY)
    page.goto(f"/lineage/{average}")

    expect(page.locator("h1")).to_have_text("Where 4,999.5 energy.average came from")
    group = page.locator(f'.point[data-key="{average}.b"]')
    expect(group).to_contain_text("10,000 readings")
    expect(page.locator(f'.point[data-key^="{average}.b~"]')).to_contain_text("from the sensor, at gatewayA")
    group.click()
    last = page.locator(f'.point[data-key="{average}.b.9750-10000"]')
    last.click()
    expect(page.locator(f'.point[data-key^="{average}.b.9"]').last).to_be_visible()
