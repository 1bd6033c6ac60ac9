"""The home page in a browser, over a running grid."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.ui.conftest import NARROW, Watched
from tests.ui.running import Grid

FAULT_S = 15.0
"""Long enough on a busy machine; on a quiet one it is red within 3 s."""


def test_every_node_is_listed_with_its_rates_and_the_books_balance(page: Page) -> None:
    page.goto("/")

    for name in ("gatewayA", "gatewayB", "gatewayC", "endpoint"):
        expect(page.locator("#nodes li", has_text=name)).to_have_class(re.compile("working"))
    expect(page.locator("[data-total=nodes]")).to_have_text("4 nodes")
    expect(page.locator("[data-total=proof]")).to_contain_text("Every reading accounted for")
    expect(page.locator("[data-total=stored]")).to_have_text(re.compile(r"^[\d,]+$"))
    expect(page.locator(".live .state")).to_have_text("Live")
    expect(page.locator("[data-live=alarms]")).to_have_text("No alarms")


def test_it_is_live(page: Page) -> None:
    page.goto("/")
    stored = page.locator("[data-total=stored]")
    expect(stored).to_have_text(re.compile(r"\d"))
    before = stored.inner_text()

    expect(stored).not_to_have_text(before)


def test_a_dead_gateway_turns_red_and_green_again_and_the_alarm_names_it(page: Page, grid: Grid) -> None:
    page.goto("/")
    row = page.locator("#nodes li", has_text="gatewayB")
    expect(row).to_have_class("working")

    grid.fail("kill-node", "gatewayB", FAULT_S)

    expect(row).to_have_class("failed", timeout=1_000 * FAULT_S)
    expect(page.locator("#alarms .title")).to_have_text("Node gatewayB has failed")
    expect(page.locator("[data-live=alarms]")).to_have_text("1 alarm")
    expect(row).to_have_class("working", timeout=60_000)
    expect(page.locator("#alarms .title")).to_have_count(0)


def test_it_speaks_german_when_asked_to(page: Page) -> None:
    page.goto("/")
    page.locator("[data-language=de]").click()

    expect(page.locator("[data-total=proof]")).to_contain_text("Jeder Messwert ist nachgewiesen")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    page.reload()
    expect(page.locator("h1")).to_have_text("Topologie")


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
