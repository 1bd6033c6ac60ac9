"""The lineage page in a browser: over a running grid, and over a store where one value was averaged from 10,000."""

import csv
import json
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.api import wide
from tests.api.grid import A, C, point
from tests.ui.conftest import NARROW
from tests.ui.running import Grid
from tests.ui.wide import wide_running

ALL = f"{wide.AVERAGE}.b"
FIRST = f"{ALL}.0-1250"
PAGE = f"{ALL}.40-80"
SCRIPT = wide.METERS[A][0]


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grid]:
    """The server over the store where one value was averaged from 10,000."""
    with wide_running(tmp_path_factory.mktemp("wide")) as grid:
        yield grid


def card(page: Page, key: object) -> Any:
    return page.locator(f'.point[data-key="{key}"]')


def cards(page: Page) -> Any:
    return page.locator(".point")


def test_an_average_of_10000_opens_as_five_cards_and_ends_at_the_sensors(page: Page) -> None:
    page.goto(f"/lineage/{wide.DELIVERED}")

    expect(page.locator("h1")).to_have_text("Where 412.625 power.average came from")
    expect(cards(page)).to_have_count(5)
    expect(card(page, wide.AVERAGE)).to_contain_text("average of 10,000, at gatewayC")
    expect(card(page, ALL)).to_contain_text("10,000 readings")
    expect(card(page, ALL)).to_contain_text("8 meters")
    for entry, gateway in ((1, "gatewayA"), (2, "gatewayB")):
        expect(card(page, f"{ALL}~{entry}")).to_contain_text(f"from the sensor, at {gateway}")
    expect(page.locator(".dag text").filter(has_text="+10–20 ms")).to_have_count(1)


def test_it_opens_by_meter_by_page_and_one_by_one_and_closes_again(page: Page) -> None:
    page.goto(f"/lineage/{wide.DELIVERED}")

    card(page, ALL).click()
    expect(card(page, ALL)).to_have_attribute("aria-expanded", "true")
    expect(cards(page)).to_have_count(3 + 8)
    card(page, FIRST).click()
    expect(cards(page)).to_have_count(3 + 8 + 32)
    card(page, PAGE).click()
    expect(cards(page)).to_have_count(3 + 8 + 32 + 40)
    reading = point(C, 4 * 40)
    expect(card(page, reading)).to_contain_text("410")
    page.locator(f'[data-grow="{reading}"]').click()

    entered = wide.entered(A, 4 * 40)
    expect(card(page, entered)).to_contain_text("from the sensor, at gatewayA")
    card(page, entered).click()
    expect(page.locator("#side")).to_contain_text(SCRIPT)
    card(page, ALL).click()
    expect(cards(page)).to_have_count(5)


def test_what_is_seen_is_in_the_address_and_the_browser_goes_back(page: Page) -> None:
    page.goto(f"/lineage/{wide.DELIVERED}?open={ALL},{FIRST}&card={FIRST}")
    expect(cards(page)).to_have_count(3 + 8 + 32)
    expect(card(page, FIRST)).to_have_attribute("aria-current", "true")

    card(page, FIRST).click()
    expect(cards(page)).to_have_count(3 + 8)
    page.reload()
    expect(cards(page)).to_have_count(3 + 8)
    page.go_back()
    expect(cards(page)).to_have_count(3 + 8 + 32)


def test_where_it_went_is_shown_when_asked_for(page: Page) -> None:
    page.goto(f"/lineage/{wide.entered(A, 7)}")
    expect(cards(page)).to_have_count(1)

    page.locator("#forward").click()

    expect(card(page, wide.DELIVERED)).to_contain_text("received at endpoint")
    expect(page.locator("#forward")).to_have_attribute("aria-pressed", "true")
    expect(page).to_have_url(re.compile(r"forward=1"))
    page.locator("#forward").click()
    expect(cards(page)).to_have_count(1)


def test_the_panel_has_every_context_parameter_in_words(page: Page) -> None:
    page.goto(f"/lineage/{wide.DELIVERED}?open={ALL},{FIRST},{PAGE}&card={point(C, 160)}")
    side = page.locator("#side")

    expect(side.locator(".strong")).to_have_text("410")
    for label, value in (
        ("Metric", "power"), ("Meter", SCRIPT), ("Node", "gatewayC"), ("Place", "berlin · 52.4, 8.1"),
        ("Application", "pushDataService"), ("Class", "gatewayServer"), ("Line", "185"),
        ("What happened", "received at gatewayC"), ("Time to the next card", "+20 ms"), ("Id", str(point(C, 160))),
    ):  # fmt: skip
        expect(
            side.locator(".fact", has=page.locator("dt", has_text=re.compile(f"^{label}$"))).locator("dd")
        ).to_have_text(value)
    expect(side.get_by_role("link", name="Lineage of this data point")).to_have_attribute(
        "href", f"/lineage/{point(C, 160)}"
    )


def test_a_meter_that_is_called_like_a_script_stays_text(page: Page) -> None:
    page.goto(f"/lineage/{wide.DELIVERED}?open={ALL}&card={FIRST}")

    expect(card(page, FIRST)).to_contain_text(SCRIPT)
    expect(page.locator("#side")).to_contain_text(SCRIPT)
    assert page.evaluate("window.hacked") is None


def test_a_node_that_does_not_answer_takes_nothing_but_its_values(page: Page) -> None:
    page.goto(f"/lineage/{wide.entered(A, 7)}")

    expect(page.locator("#notice")).to_contain_text("Some nodes do not answer")
    expect(page.locator("#side .strong")).to_have_text("its node does not answer now")
    expect(card(page, wide.entered(A, 7))).to_contain_text("no value")


def test_the_keyboard_goes_from_card_to_card(page: Page) -> None:
    page.goto(f"/lineage/{wide.DELIVERED}")
    card(page, wide.DELIVERED).focus()

    for key in ("ArrowLeft", "ArrowLeft", "Enter"):
        page.keyboard.press(key)

    expect(cards(page)).to_have_count(3 + 8)
    expect(card(page, ALL)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".point:focus")).to_have_attribute("data-key", re.compile(rf"^{ALL}\."))


def saved(page: Page, kind: str) -> Path:
    with page.expect_download() as download:
        page.locator(f"[data-export={kind}]").click()
    expect(page.locator("#notice")).to_contain_text(download.value.suggested_filename)
    return Path(download.value.path())


def test_it_is_saved_as_json_csv_and_a_picture(page: Page) -> None:
    id = wide.entered(A, 4)
    page.goto(f"/lineage/{id}?forward=1")
    expect(cards(page)).to_have_count(4)

    told = json.loads(saved(page, "json").read_text())
    rows = list(csv.DictReader(StringIO(saved(page, "csv").read_text())))
    picture = saved(page, "png").read_bytes()

    assert [each["id"] for each in told["backward"]] == [str(id)]
    assert [each["id"] for each in told["forward"]] == [
        str(id),
        str(point(C, 4)),
        str(wide.AVERAGE),
        str(wide.DELIVERED),
    ]
    assert [(row["direction"], row["id"]) for row in rows] == [
        (direction, each["id"]) for direction in ("backward", "forward") for each in told[direction]
    ]
    assert {row["meterId"] for row in rows} == {SCRIPT, "all"}
    assert picture.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("xyz", "“xyz” is not an id"),
        ("%3Cscript%3E", "“<script>” is not an id"),
        ("00000000000000000000", "Nothing of the id 00000000000000000000 is stored"),
    ],
)
def test_an_id_that_is_wrong_is_told_in_a_sentence(page: Page, path: str, says: str) -> None:
    page.goto(f"/lineage/{path}")

    expect(page.locator(".refusal")).to_contain_text(says)
    expect(page.locator("#tools")).to_be_hidden()


def test_without_an_id_it_asks_for_one(page: Page) -> None:
    page.goto("/lineage")

    expect(page.locator(".newest li")).to_have_count(8)
    page.locator("#wanted").fill(f" {wide.DELIVERED} ")
    page.locator("#ask button").click()
    expect(cards(page)).to_have_count(5)


def test_it_speaks_german(page: Page) -> None:
    page.goto(f"/lineage/{wide.DELIVERED}")
    page.locator("[data-language=de]").click()

    expect(page.locator("h1")).to_have_text("Woher 412,625 power.average kommt")
    expect(card(page, wide.AVERAGE)).to_contain_text("Durchschnitt aus 10.000, bei gatewayC")
    page.goto("/lineage/xyz")
    expect(page.locator(".refusal")).to_contain_text("„xyz“ ist keine Kennung")


@pytest.mark.parametrize("page", [NARROW], indirect=True, ids=["narrow"])
def test_it_fits_a_telephone(page: Page) -> None:
    page.goto(f"/lineage/{wide.DELIVERED}?open={ALL}")

    expect(cards(page)).to_have_count(3 + 8)
    expect(page.locator(".root")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]


def test_nothing_keeps_anyone_from_using_it(page: Page) -> None:
    for path in (f"/lineage/{wide.DELIVERED}?open={ALL}&card={ALL}", "/lineage"):
        page.goto(path)
        expect(page.locator(".point, .newest li").first).to_be_visible()

        found = Axe().run(page)

        assert [each["id"] for each in found.response["violations"] if each["impact"] in ("serious", "critical")] == []
