"""A lineage in a browser from end to end: over the fork, whose sensors send all the while."""

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.ui.running import Grid, eventually


def newest_delivered(grid: Grid) -> dict[str, Any]:
    """The newest data point of the endpoint."""
    [endpoint] = [node["id"] for node in grid.get("/cluster/topology") if node["name"] == "endpoint"]
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        found[:] = grid.get(f"/cluster/{endpoint}/provenance?size=1&detail=true")
        return bool(found)

    eventually(is_there)
    return found[0]


def test_it_leads_from_the_endpoint_to_the_sensor_of_its_meter(page: Page, grid: Grid) -> None:
    delivered = newest_delivered(grid)
    entered = grid.get(f"/provenance/{delivered['id']}?structure=linear&detail=true")[-1]

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
