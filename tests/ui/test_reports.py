"""The page of reports and drills, in a browser over a running grid."""

import json
import re
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from headwater.config.ports import free_ports
from tests.ui.accessible import serious
from tests.ui.conftest import NARROW, Watched
from tests.ui.running import HEADWATER, Grid, eventually

BENCHMARK = {
    "taken": "2026-11-22T08:37:44+00:00",
    "rounds": 3,
    "path_a_reading": {"fork, none": {"median": 22.5, "min": 20.1, "max": 24.0}, "<b>full</b>": {"median": 25.7}},
    "runs": [{"components": [{"name": "gatewayA"}]}],
}


@pytest.fixture(scope="module")
def shelf(grid: Grid) -> Path:
    """The folder that reports are written to."""
    folder = grid.topology.server.data / "reports"
    folder.mkdir(exist_ok=True)
    (folder / "overhead.json").write_text(json.dumps(BENCHMARK))
    (folder / "broken.json").write_text("{")
    return folder


@pytest.fixture(autouse=True)
def well(grid: Grid) -> None:
    """No drill of another test is under way, and what it broke has recovered."""
    eventually(lambda: all(run["state"] != "running" for run in grid.get("/chaos/runs")) and grid.is_well())


def start(page: Page, kind: str, node: str, seconds: int) -> None:
    page.goto("/reports")
    page.locator("[name=kind]").select_option(kind)
    page.locator("[name=target]").select_option(node)
    page.get_by_label("For seconds").fill(str(seconds))
    page.get_by_role("button", name="Start").click()


def test_a_drill_is_told_while_it_happens_and_its_report_is_kept(page: Page, grid: Grid) -> None:
    start(page, "kill-pipeline", "gatewayB", 25)

    row = page.locator(".faults tbody tr").first
    expect(row).to_contain_text("Pipeline daemon dies")
    expect(row).to_contain_text("not healed yet")
    expect(row).to_have_class("now")
    expect(row.locator("td").nth(2)).to_have_text(re.compile(r"^\d+\.\d\d s$"))  # While it is still in.
    expect(row.locator("td").nth(3)).to_have_text("right")
    expect(page.locator(".doing")).to_have_text("Under way: 0 of 1 faults are over")
    expect(row).to_contain_text("recovering …")
    expect(page.locator(".doing")).to_have_text("Finished: 1 of 1 faults. The report is in the list below.")
    expect(row.locator("td").nth(4)).to_have_text(re.compile(r"^\d+\.\d\d s$"))
    page.locator(".list a", has_text=grid.get("/chaos/runs")[0]["id"][:6]).click()
    expect(page.locator(".report h3")).to_have_text(
        [re.compile("^By what has to be told"), re.compile("^By kind of fault"), "Every fault"]
    )
    expect(page.locator(".report")).to_contain_text("Pipeline daemon dies")
    assert "report=chaos-" in page.url


def test_stop_heals(page: Page, grid: Grid) -> None:
    start(page, "kill-node", "gatewayA", 600)
    expect(page.locator(".faults tbody tr").first).to_contain_text("not healed yet")

    page.get_by_role("button", name="Stop and heal").click()

    expect(page.locator(".doing")).to_contain_text("Stopped and healed")
    eventually(grid.is_well)
    expect(page.get_by_role("button", name="Start")).to_be_visible()


def test_who_comes_later_sees_the_run_too(page: Page, grid: Grid) -> None:
    with grid.failing("cut-link", "gatewayA"):
        page.goto("/reports")

        expect(page.locator(".faults tbody tr").first).to_contain_text("Link swallows everything")
        expect(page.get_by_role("button", name="Start")).to_be_hidden()
        page.get_by_role("button", name="Stop and heal").click()
        expect(page.locator(".doing")).to_contain_text("Stopped and healed")


def test_faults_of_links_are_offered_where_there_are_links(page: Page) -> None:
    page.goto("/reports")
    target = page.locator("[name=target]").locator("option")
    expect(target).to_have_text(["endpoint", "gatewayA", "gatewayB", "gatewayC"])
    page.locator("[name=kind]").select_option("cut-link")

    expect(target).to_have_text(["gatewayA", "gatewayB", "gatewayC"])
    page.locator("[name=scenario]").select_option("failures")
    expect(page.locator("[name=target]")).to_be_hidden()


def test_a_benchmark_is_shown_by_its_shape(page: Page, shelf: Path) -> None:
    page.goto("/reports")
    page.locator(".list a", has_text="overhead").click()

    expect(page.locator(".report dd").first).to_have_text("2026-11-22T08:37:44+00:00")
    expect(page.locator(".report h3")).to_have_text("path a reading")
    expect(page.locator(".report tbody th")).to_have_text(["fork, none", "<b>full</b>"])
    expect(page.locator(".report tbody tr").first.locator("td")).to_have_text(["22.5", "20.1", "24"])
    expect(page.locator(".report summary")).to_have_text("runs")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download").click()
    assert json.loads(Path(downloading.value.path()).read_text()) == BENCHMARK


@pytest.mark.parametrize(("name", "told"), [("broken.json", "cannot be shown"), ("gone.json", "not there any more")])
def test_what_cannot_be_shown_is_said(page: Page, shelf: Path, name: str, told: str) -> None:
    page.goto(f"/reports?{urlencode({'report': name})}")

    expect(page.locator(".report")).to_contain_text(told)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[str]:
    """The URL of a server that no nodes belong to, and that allows no faults."""
    listen = f"127.0.0.1:{free_ports(2)[0]}"
    command = [*HEADWATER, "server", "--listen", listen, "--data", str(tmp_path / "server")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            eventually(lambda: is_there(f"http://{listen}/reports"))
            yield f"http://{listen}"
        finally:
            process.send_signal(signal.SIGINT)


def is_there(url: str) -> bool:
    try:
        with urllib.request.urlopen(url):
            return True
    except OSError:
        return False


def test_where_drills_are_not_allowed_it_says_how_they_are(alone: str, page: Page, watched: Watched) -> None:
    watched.expected += ["left this machine"]  # To the other server.
    page.goto(f"{alone}/reports")

    expect(page.locator(".forbidden")).to_contain_text("chaos = {enabled = true}")
    expect(page.get_by_role("button", name="Start")).to_be_hidden()
    expect(page.locator(".none")).to_contain_text("There are no reports yet")
    expect(page.locator(".live .state")).to_have_text("Live")


def test_it_is_accessible(page: Page, shelf: Path) -> None:
    page.goto("/reports?report=overhead.json")
    expect(page.locator(".report h3")).to_be_visible()
    assert serious(page) == []
    page.locator(".theme").click()
    expect(page.locator("body")).to_have_class(re.compile("body--dark"))

    assert serious(page) == []


@pytest.mark.parametrize("page", [NARROW], indirect=True, ids=["narrow"])
def test_it_fits_a_telephone_and_speaks_german(page: Page, shelf: Path) -> None:
    page.goto("/")
    page.locator("[data-language=de]").click()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    page.goto("/reports?report=overhead.json")

    expect(page.get_by_role("heading", name="Ausfallübung")).to_be_visible()
    expect(page.locator(".report h3")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]
