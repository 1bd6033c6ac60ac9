"""A lineage in a browser from end to end: over the fork, whose sensors send all the while."""

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.ui.running import Grid, eventually


def newest_known_whole(grid: Grid) -> list[dict[str, Any]]:
    """The newest reading, no average, that is at the endpoint, and the data points it came from back to the sensor,
    once all are in the store: each node's agent delivers when it likes, so the last may well be there first."""
    [endpoint] = [node["id"] for node in grid.get("/cluster/topology") if node["name"] == "endpoint"]
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        newest = grid.get(f"/cluster/{endpoint}/provenance?size=50&detail=true")
        readings = [point for point in newest if point["context"].get("metricId") == "energy"]
        if readings:
            found[:] = grid.get(f"/provenance/{readings[0]['id']}?structure=linear&detail=true")
        return bool(found) and all("node" in point for point in found)

    eventually(is_there)
    return found


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
