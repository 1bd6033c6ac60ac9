"""The home page in a browser, over a running grid."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.ui.accessible import serious
from tests.ui.conftest import NARROW, Watched
from tests.ui.running import Grid


def row_of(page: Page, node: str) -> Locator:
    """A node in the list."""
    return page.locator("#nodes li", has=page.get_by_role("link", name=node, exact=True))


def test_every_node_is_listed_with_its_rates_and_the_books_balance(page: Page) -> None:
    page.goto("/")

    for name in ("gatewayA", "gatewayB", "gatewayC", "endpoint"):
        expect(row_of(page, name)).to_have_class("working")
    expect(page.locator("[data-total=nodes]")).to_have_text("4 nodes")
    expect(page.locator("[data-total=proof]")).to_contain_text("Every reading accounted for")
    expect(page.locator("[data-total=stored]")).to_have_text(re.compile(r"^[\d,]+$"))
    expect(page.locator(".live .state")).to_have_text("Live")
    expect(page.locator("[data-live=alarms]")).to_have_text("No alarms")


def test_every_link_is_listed_with_its_own_health_and_rate(page: Page) -> None:
    page.goto("/")

    for source, target in (("gatewayA", "gatewayC"), ("gatewayB", "gatewayC"), ("gatewayC", "endpoint")):
        link = row_of(page, source).locator(".onward")
        expect(link).to_have_class("onward working")
        expect(link.locator("img")).to_have_attribute("alt", "Link working")
        expect(link).to_contain_text(f"→ {target}")
        expect(link).to_contain_text(re.compile(r"\d/s"))
    expect(row_of(page, "endpoint").locator(".onward")).to_have_count(0)


def test_it_is_live(page: Page) -> None:
    page.goto("/")
    stored = page.locator("[data-total=stored]")
    expect(stored).to_have_text(re.compile(r"\d"))
    before = stored.inner_text()

    expect(stored).not_to_have_text(before)


def test_a_dead_gateway_turns_red_and_green_again_and_the_alarm_names_it_and_what_it_explains(
    page: Page, grid: Grid
) -> None:
    page.goto("/?view=map")
    row = row_of(page, "gatewayB")
    pin = page.locator("#map .pin", has_text="gatewayB")
    expect(row).to_have_class("working")
    expect(pin).to_have_class("pin is-working")

    with grid.failing("kill-node", "gatewayB"):
        expect(row).to_have_class("failed")
        alarm = page.locator("#alarms article", has_text="Node gatewayB has failed")
        expect(alarm).to_contain_text("Silent on every path for")
        expect(alarm).to_contain_text("link gatewayB → gatewayC")
        expect(row.locator(".onward")).to_have_class("onward failed")
        expect(row.locator(".onward")).to_contain_text("0/s")
        expect(pin).to_have_class("pin is-failed")
        expect(pin.locator("img")).to_have_attribute("alt", "failed")
        expect(page.locator("[data-live=alarms]")).to_have_text("1 alarm")
        page.locator("[data-language=de]").click()
        alarm = page.locator("#alarms article", has_text="Knoten gatewayB ist ausgefallen")
        expect(alarm).to_contain_text("auf allen Wegen still")
    expect(row).to_have_class("working")
    expect(alarm).to_have_count(0)


def test_the_map_shows_nodes_where_they_are_and_stays_in_the_address(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Map").click()

    expect(page.locator("#map .pin")).to_have_count(3)
    expect(page.locator("#map path.way.is-working")).to_have_count(2)
    expect(page.locator("#map")).to_contain_text("Without a position: endpoint")
    expect(page.locator(".graph")).to_be_hidden()
    a, b, c = (page.locator("#map .pin", has_text=name).bounding_box() for name in ("gatewayA", "gatewayB", "gatewayC"))
    assert a
    assert b
    assert c
    assert c["x"] < a["x"] < b["x"], "west is left"
    assert a["y"] < b["y"] < c["y"], "north is up"
    page.reload()
    expect(page.get_by_role("button", name="Map")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#map .pin")).to_have_count(3)
    page.get_by_role("button", name="Topology").click()
    expect(page.locator("#map")).to_be_hidden()
    assert "view" not in page.url


@pytest.mark.parametrize("view", ["topology", "map"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious(page: Page, view: str, dark: bool) -> None:
    page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
    page.goto(f"/?view={view}")
    expect(page.locator("#nodes li")).to_have_count(4)
    expect(page.locator("#map .pin")).to_have_count(3 if view == "map" else 0)

    assert serious(page) == []


def test_it_speaks_german_when_asked_to(page: Page) -> None:
    page.goto("/")
    page.locator("[data-language=de]").click()

    expect(page.locator("[data-total=proof]")).to_contain_text("Jeder Messwert ist nachgewiesen")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    page.reload()
    expect(page.locator("h1")).to_have_text("Netz")


def test_dark_stays_dark(page: Page) -> None:
    page.goto("/")
    expect(page.locator("body")).not_to_have_class(re.compile("body--dark"))
    page.locator(".theme").click()
    expect(page.locator("body")).to_have_class(re.compile("body--dark"))
    page.reload()

    expect(page.locator("body")).to_have_class(re.compile("body--dark"))


@pytest.mark.parametrize("page", [NARROW], indirect=True, ids=["narrow"])
def test_it_fits_a_telephone(page: Page) -> None:
    page.goto("/")

    expect(page.locator("#nodes li")).to_have_count(4)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]


def test_nothing_of_another_site_may_be_loaded(page: Page, watched: Watched) -> None:
    page.goto("/")
    watched.expected += [
        "Content Security Policy",
        "left this machine",
        "Failed to load",
        "Refused to connect",
        "elsewhere",
    ]

    assert page.evaluate("fetch('http://elsewhere.example/').then(() => 'loaded', () => 'refused')") == "refused"
