"""The page of a node in a browser, over a running grid with one node besides that nothing is sent to."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.ui.accessible import serious
from tests.ui.conftest import NARROW, Watched
from tests.ui.running import PATIENCE_S, Grid, eventually, push, running

IDLE = "000005"
SCRIPT = "<script>document.title = 'hit'</script><img src=x onerror=document.title='hit'>"
NOT_FOUND = "404"
"""Chromium says on its console that an answer was 404."""
OF_THE_SECOND_GROUP = "meter-001"
"""What the names of its meters begin with, and no others."""
ROWS = ".points .ag-center-cols-container .ag-row"


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grid]:
    """The fork, and a node that nothing is sent to."""
    with running(tmp_path_factory.mktemp("grid"), alone="idle") as grid:
        yield grid


def cells(page: Page, column: str) -> list[str]:
    """What a column shows, from the top of the table."""
    shown: list[str] = page.evaluate(
        """(column) => [...document.querySelectorAll(`.points .ag-row [col-id=${column}]`)]
            .sort((a, b) => a.parentElement.getAttribute("row-index") - b.parentElement.getAttribute("row-index"))
            .map((cell) => cell.textContent)""",
        column,
    )
    return shown


def hold(page: Page) -> None:
    """Wait for rows and let none come after them."""
    page.locator(ROWS).first.wait_for()
    page.locator("#pause").click()


def is_whole(grid: Grid, id: str) -> bool:
    """Whether the store has all that a data point came from: each node's agent delivers when it likes."""
    return all("node" in point for point in grid.get(f"/provenance/{id}?structure=linear&detail=true"))


def test_it_opens_from_the_grid_with_the_keyboard_and_tells_how_the_node_stands(page: Page) -> None:
    page.goto("/")
    page.locator("#nodes a", has_text="gatewayC").focus()
    page.keyboard.press("Enter")

    page.wait_for_url("**/node/000003")
    expect(page.locator("h1")).to_have_text("gatewayC")
    expect(page.locator("#verdict")).to_contain_text("working")
    expect(page.locator("#parts .name")).to_have_text(
        ["Node", "Pipeline daemon", "Provenance daemon", "Link to endpoint"]
    )
    expect(page.locator("#parts .strip")).to_have_count(4)
    expect(page.locator("#links .link")).to_have_text(["gatewayA", "gatewayB", "endpoint"])
    expect(page.locator("#clocks .link")).to_have_text(["endpoint", "gatewayA", "gatewayB"])
    expect(page.locator("#settings")).to_contain_text("average(900 s)")
    expect(page.locator("#settings")).to_contain_text("meterid, metricid, loc")
    expect(page.locator("[data-rate=received]")).to_have_text(re.compile(r"\d"))


def test_it_opens_from_the_grid_with_a_click(page: Page) -> None:
    page.goto("/")
    page.locator("#nodes a", has_text="endpoint").click()

    expect(page.locator("h1")).to_have_text("endpoint")
    expect(page.locator("#settings")).to_contain_text("none, this is an endpoint")


def test_a_name_leads_to_the_id_and_what_was_chosen_stays_in_the_address(page: Page) -> None:
    page.goto("/node/gatewayA?window=day")

    page.wait_for_url("**/node/000001?window=day")
    expect(page.locator("[data-window=day]")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#ago")).to_have_text("24 hours ago")
    page.locator("[data-window=hour]").click()
    expect(page.locator("#ago")).to_have_text("1 hour ago")
    assert page.url.endswith("/node/000001")


def test_the_books_of_its_links_balance(page: Page) -> None:
    page.goto("/node/000003")
    page.locator("#links .figures").first.wait_for()
    expect(page.locator("#links .figures").first).to_contain_text("Delivered")

    for text in page.locator("#links .figures").all_inner_texts():
        sent, delivered, waiting, dropped = [int(n.replace(",", "")) for n in re.findall(r"[\d,]+", text)[:4]]
        assert sent == delivered + waiting + dropped > 0


def test_every_change_of_health_is_in_a_list_too(page: Page) -> None:
    page.goto("/node/000003")
    page.locator(".changes summary").click()
    lines = page.locator("#changes li")
    expect(lines.first).to_be_visible()

    for line in lines.all_inner_texts():
        assert re.search(
            r"\d\d:\d\d:\d\d\.\d{3}\s+(Node|\w+ daemon|Link to \w+)\s+(working|impaired|failed)\s+\w", line
        )


def test_new_rows_come_until_they_are_paused(page: Page) -> None:
    page.goto("/node/000003")
    page.locator(ROWS).first.wait_for()
    first = page.locator(f"{ROWS}[row-index='0'] [col-id=id]")
    expect(first).not_to_have_text(first.inner_text())
    page.locator("#pause").click()
    expect(page.locator("#pause")).to_have_text("Go on")
    page.wait_for_load_state("networkidle")
    before, rate = cells(page, "id"), page.locator("[data-rate=received]").inner_text()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    expect(page.locator("[data-rate=received]")).not_to_have_text(rate)

    assert cells(page, "id") == before
    assert asked == []
    page.locator("#pause").click()
    expect(first).not_to_have_text(before[0])


def test_what_was_sorted_filtered_and_chosen_stays_so_while_rows_come(page: Page) -> None:
    page.goto("/node/000003")
    page.locator(ROWS).first.wait_for()
    page.locator("[data-filter=newest]").fill(OF_THE_SECOND_GROUP)
    expect(page.locator(f"{ROWS} [col-id=meter]").first).to_contain_text(OF_THE_SECOND_GROUP)
    page.locator(".ag-header-cell[col-id=value] .ag-header-cell-text").click()
    chosen = page.locator(ROWS).first
    chosen.locator("[col-id=meter]").click()
    id = chosen.locator("[col-id=id]").inner_text()
    fresh = page.locator("#fresh")
    page.locator("h1").click()  # Rows stand still for who is in the table.
    said = fresh.inner_text()
    expect(fresh).not_to_have_text(said)
    expect(fresh).to_contain_text("As of")

    values = [float(value.replace(",", "")) for value in cells(page, "value")]
    assert values == sorted(values)
    assert all(OF_THE_SECOND_GROUP in meter for meter in cells(page, "meter"))
    expect(page.locator(f"{ROWS}.ag-row-selected [col-id=id]")).to_have_text(id)


def test_rows_stand_still_while_the_keyboard_is_in_them_and_tab_reaches_every_button(page: Page) -> None:
    page.goto("/node/000003")
    page.locator(ROWS).first.wait_for()
    page.locator(f"{ROWS} [col-id=id]").first.focus()
    expect(page.locator("#fresh")).to_have_text("Held while you are in the table")
    page.keyboard.press("Control+ArrowRight")
    reached = []
    for _ in range(3):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.dataset.does ?? ''"))

    assert reached == ["lineage", "json", "recursive"]


def test_a_row_leads_to_its_lineage_and_both_files(page: Page, grid: Grid) -> None:
    page.goto("/node/000004")
    hold(page)
    id = cells(page, "id")[0]
    eventually(lambda: is_whole(grid, id))
    row = page.locator(f".points .ag-row[row-id='{id}']")

    expect(row.locator("[data-does=lineage]")).to_have_attribute("href", f"/lineage/{id}")
    with page.expect_download() as linear:
        row.locator("[data-does=json]").click()
    with page.expect_download() as recursive:
        row.locator("[data-does=recursive]").click()
    assert (linear.value.suggested_filename, recursive.value.suggested_filename) == (
        f"{id}.json",
        f"{id}-recursive.json",
    )
    assert json.loads(linear.value.path().read_bytes())[0]["id"] == id
    nested = json.loads(recursive.value.path().read_bytes())
    while nested.get("inputDatapoints"):
        nested = nested["inputDatapoints"][0]["dp"]
    assert nested["context"]["hostId"] in ("000001", "000002")


def test_times_are_shown_in_utc_when_asked_for(page: Page) -> None:
    page.goto("/node/000003")
    hold(page)
    page.locator("[data-times]").click()

    expect(page.locator("[data-times]")).to_have_text("UTC")
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z", time) for time in cells(page, "received"))


def test_a_node_without_data_points_says_so_and_what_a_meter_calls_itself_is_text(
    page: Page, grid: Grid, watched: Watched
) -> None:
    watched.expected.append(NOT_FOUND)
    page.goto(f"/node/{IDLE}")
    expect(page.locator("#note")).to_contain_text("Nothing has gone through this node yet")
    expect(page.locator("#links")).to_contain_text("nothing sends to it")

    push(grid, "idle", SCRIPT, [(1_700_000_000_000, 1.5)])

    expect(page.locator(f"{ROWS} [col-id=meter]")).to_have_text(SCRIPT)
    expect(page.locator("#note")).to_be_hidden()
    assert page.locator(".points script, .points img").count() == 0
    assert page.title().startswith("idle")


@pytest.mark.parametrize("asked", ["00ffff", "nobody & <b>co"])
def test_an_unknown_node_says_so_and_what_to_do(page: Page, asked: str) -> None:
    page.goto(f"/node/{asked}")

    expect(page.locator("#absent-what")).to_have_text(f"There is no node “{asked}”.")
    expect(page.locator("#absent a")).to_have_attribute("href", "/")
    expect(page.locator("#newest")).to_be_hidden()


def test_a_silent_node_can_be_forgotten_and_comes_back_by_itself(page: Page, grid: Grid, watched: Watched) -> None:
    watched.expected.append(NOT_FOUND)
    page.goto("/node/idle")
    expect(page.locator("#verdict")).to_contain_text("working")
    expect(page.locator("#forget")).to_be_hidden()
    with grid.failing("kill-node", "idle"):
        page.locator("#forget").click(timeout=1_000 * PATIENCE_S)
        expect(page.locator("#verdict")).to_contain_text("failed")
        expect(page.locator("#alarms .title")).to_have_text("Node idle has failed")
        expect(page.locator("#sure-title")).to_have_text("Forget idle?")
        page.locator("#sure-yes").click()

        expect(page.locator("#absent-what")).to_have_text("This node was taken out of the grid.")
        expect(page.locator("#verdict")).to_be_empty()
    expect(page.locator("#verdict")).to_contain_text("working", timeout=1_000 * PATIENCE_S)
    expect(page.locator("#absent")).to_be_hidden()


def test_it_speaks_german(page: Page) -> None:
    page.goto("/node/000003")
    page.locator("[data-language=de]").click()
    page.locator(ROWS).first.wait_for()

    expect(page.locator("#verdict")).to_contain_text("in Ordnung")
    expect(page.locator("#verdict")).to_contain_text("er meldet sich")
    expect(page.locator("#parts .name").last).to_have_text("Verbindung nach endpoint")
    expect(page.locator(".ag-header-cell-text").nth(1)).to_have_text("Zähler")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(page: Page, theme: str) -> None:
    page.goto("/node/000003")
    if theme == "dark":
        page.locator(".theme").click()
    page.locator(".changes summary").click()
    hold(page)

    assert serious(page) == []


@pytest.mark.parametrize("page", [NARROW], indirect=True, ids=["narrow"])
def test_it_fits_a_telephone(page: Page) -> None:
    page.goto("/node/000003")
    page.locator(ROWS).first.wait_for()

    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]
    expect(page.locator(".points .ag-header-cell-text").first).to_have_text("Meter")
