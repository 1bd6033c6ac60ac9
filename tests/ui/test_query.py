"""The page that asks in SQL, in a browser over a running grid."""

import csv
import io
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.ui.accessible import serious
from tests.ui.conftest import NARROW, Watched
from tests.ui.running import Grid, eventually

PER_NODE = "SELECT node_name, count(*) > 0 AS some FROM provenance GROUP BY ALL ORDER BY node_name"
LONG = "SELECT count(*) FROM range(1000000) a, range(1000000) b"
QUERIES_AT_ONCE = 2
NODES = ["endpoint", "gatewayA", "gatewayB", "gatewayC"]


def opened(page: Page, sql: str, **more: str) -> None:
    """Open the page at a query."""
    page.goto(f"/query?{urlencode({'sql': sql, **more})}")


def write(page: Page, sql: str) -> None:
    """Put something else into the editor."""
    page.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(sql)
    page.keyboard.press("Escape")


def cells(page: Page, column: int) -> list[str]:
    return page.locator(f".results .ag-cell[col-id='{column}']").all_inner_texts()


def test_a_query_runs_and_its_address_brings_it_back(page: Page) -> None:
    page.goto("/query")
    expect(page.locator(".answer")).to_contain_text("50 rows")
    write(page, PER_NODE)
    page.keyboard.press("Control+Enter")

    expect(page.locator(".answer")).to_contain_text("4 rows")
    assert cells(page, 0) == NODES
    assert parse_qs(urlsplit(page.url).query) == {"sql": [PER_NODE]}
    page.goto(page.url)
    expect(page.locator(".answer")).to_contain_text("4 rows")
    page.go_back()
    expect(page.locator(".answer")).to_contain_text("50 rows")


def test_an_id_leads_to_its_lineage(page: Page) -> None:
    page.goto("/query")

    link = page.locator(".results .ag-cell a").first
    expect(link).to_have_attribute("href", re.compile("^/lineage/[0-9a-f]{20}$"))


def test_what_is_wrong_is_said_under_its_line(page: Page) -> None:
    opened(page, "SELECT id,\n  metr\nFROM provenance")

    expect(page.locator(".cm-fault")).to_contain_text('column "metr" not found')
    expect(page.locator(".cm-wrong")).to_have_text("  metr")
    expect(page.locator(".cm-wrong-word")).to_have_text("metr")
    expect(page.locator(".problem")).to_contain_text("Line 2 cannot be run as it is")
    expect(page.locator(".results")).to_be_hidden()
    write(page, PER_NODE)
    expect(page.locator(".cm-fault")).to_have_count(0)


def test_a_question_that_is_no_select_is_refused_with_a_next_step(page: Page) -> None:
    opened(page, "DROP TABLE provenance")

    expect(page.locator(".problem")).to_contain_text("Only one SELECT")


def test_a_long_query_is_told_and_is_cancelled_on_the_server(page: Page, grid: Grid) -> None:
    opened(page, LONG)

    expect(page.locator(".answer")).to_contain_text("Running for")
    eventually(lambda: [one["query"] for one in grid.get("/query") if one["running"]] == [LONG])
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".answer")).to_contain_text("Cancelled")
    assert grid.get("/query") == []
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()


def test_who_leaves_the_page_leaves_no_query_behind(page: Page, grid: Grid) -> None:
    opened(page, LONG)
    eventually(lambda: len(grid.get("/query")) == 1)

    page.goto("/")

    eventually(lambda: grid.get("/query") == [])


@contextmanager
def busy(grid: Grid) -> Iterator[None]:
    """As many queries run as may at once, for as long as it takes."""
    ids = [f"busy-{number}" for number in range(QUERIES_AT_ONCE)]
    with ThreadPoolExecutor() as threads:
        asked = [threads.submit(grid.post, "/query", {"query": LONG, "stream": True, "id": id}) for id in ids]
        eventually(lambda: {one["id"] for one in grid.get("/query") if one["running"]} >= set(ids))
        try:
            yield
        finally:
            for id in ids:
                urllib.request.urlopen(urllib.request.Request(f"{grid.url}/v1/query/{id}", method="DELETE")).close()
            assert all(one.exception() is not None for one in asked)


def test_one_that_waits_for_its_turn_says_so(page: Page, grid: Grid) -> None:
    with busy(grid):
        opened(page, PER_NODE)

        expect(page.locator(".answer")).to_contain_text("Waiting for its turn")
        expect(page.locator(".answer")).to_contain_text("2 queries run or wait")
    expect(page.locator(".answer")).to_contain_text("4 rows")


def test_the_answer_is_there_as_json_and_csv(page: Page, grid: Grid, tmp_path: Path) -> None:
    sql = "SELECT 9007199254740993 AS big, 'a \"b\", c' AS quoted, ['x', 'y'] AS list, NULL AS nothing, true AS yes"
    opened(page, sql)
    expect(page.locator(".answer")).to_contain_text("1 row")
    assert cells(page, 0) == ["9007199254740993"]

    page.locator("[data-show=json]").click()
    shown = json.loads(page.locator("pre").inner_text())
    assert shown["rows"] == [[9007199254740993, 'a "b", c', ["x", "y"], None, True]]
    page.locator("[data-show=csv]").click()
    with page.expect_download() as downloading:
        page.locator(".download").click()
    downloading.value.save_as(tmp_path / "query.csv")
    question = urllib.request.Request(f"{grid.url}/v1/query?format=csv", json.dumps({"query": sql}).encode())
    with urllib.request.urlopen(question) as answer:
        assert (tmp_path / "query.csv").read_bytes() == answer.read()
    assert next(csv.reader(io.StringIO(page.locator("pre").inner_text()))) == [
        "big", "quoted", "list", "nothing", "yes",
    ]  # fmt: skip


def drawn(page: Page) -> list[object]:
    """The kind and the data of the series that the chart shows."""
    found: list[object] = page.evaluate(
        "(() => { const { series: [one] } = getElement(JSON.parse(document.getElementById('query-options').textContent)"
        ".chart).chart.getOption(); return [one.type, one.data]; })()"
    )
    return found


def test_numbers_over_times_are_a_line_and_over_names_are_bars(page: Page) -> None:
    rows = "FROM (VALUES (2000, 'b', 4.5), (1000, 'a', NULL)) t(timestamp, name, number)"
    opened(page, f"SELECT timestamp::BIGINT AS timestamp, name, number {rows}", view="chart")

    expect(page.locator("[data-view=chart] canvas")).to_be_visible()
    assert drawn(page) == ["line", [[1000, None], [2000, 4.5]]]
    page.locator("select[name=over]").select_option(label="name")
    assert drawn(page) == ["bar", [4.5, None]]
    assert parse_qs(urlsplit(page.url).query)["over"] == ["name"]
    write(page, "SELECT node_name FROM provenance LIMIT 1")
    page.locator(".run").click()
    expect(page.locator(".note")).to_contain_text("A chart needs")


def test_an_answer_that_was_cut_says_so(page: Page) -> None:
    opened(page, "SELECT range AS n FROM range(10001)")

    expect(page.locator(".note")).to_contain_text("Only the first 10,000 rows")


def test_no_rows_have_a_sentence(page: Page) -> None:
    opened(page, "SELECT id FROM provenance WHERE meter = 'nobody'")

    expect(page.locator(".note")).to_contain_text("No data point answers this")


def test_columns_are_completed(page: Page) -> None:
    opened(page, PER_NODE)
    expect(page.locator(".answer")).to_contain_text("4 rows")
    page.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.type("SELECT contr")

    expect(page.locator(".cm-tooltip-autocomplete li", has_text="contribution")).to_be_visible()


def test_named_queries_are_kept_in_the_browser_until_they_are_deleted(page: Page) -> None:
    opened(page, PER_NODE)
    page.get_by_role("button", name="Save").click()
    page.get_by_label("Name of the query").fill("<b>nodes</b>")
    page.get_by_role("button", name="Save it").click()
    page.goto("/query")
    expect(page.locator(".answer")).to_contain_text("50 rows")

    page.get_by_role("button", name="<b>nodes</b>", exact=True).click()

    expect(page.locator(".answer")).to_contain_text("4 rows")
    page.get_by_role("button", name="Delete <b>nodes</b>").click()
    expect(page.locator("#own button")).to_have_count(0)
    page.reload()
    expect(page.locator(".own")).to_be_hidden()


def test_markup_stays_text(page: Page) -> None:
    text = "<img src=x onerror=alert(1)>"
    opened(page, f"SELECT '{text}' AS \"{text}\", 1 AS n", view="table")

    expect(page.locator(".results .ag-cell").first).to_have_text(text)
    assert page.locator(".results img").count() == 0
    page.locator("[data-show=chart]").click()
    expect(page.locator("select[name=over]")).to_have_text(text)


def test_what_was_typed_is_still_there_when_the_page_comes_again(page: Page) -> None:
    opened(page, PER_NODE)
    expect(page.locator(".answer")).to_contain_text("4 rows")
    write(page, "SELECT half")
    page.reload()

    expect(page.locator(".cm-content")).to_have_text("SELECT half")


def test_a_server_that_is_away_is_told(page: Page, watched: Watched) -> None:
    opened(page, PER_NODE)
    expect(page.locator(".answer")).to_contain_text("4 rows")
    watched.expected += ["ERR_INTERNET_DISCONNECTED", "WebSocket"]
    page.context.set_offline(True)
    page.locator(".run").click()

    expect(page.locator(".problem")).to_contain_text("The server does not answer")
    expect(page.locator(".results")).to_be_hidden()


def test_a_refusal_is_an_answer_and_nothing_but_the_api_is_asked(grid: Grid) -> None:
    def ask(path: str, body: bytes | None = None, type: str = "application/json") -> tuple[int, str]:
        question = urllib.request.Request(f"{grid.url}/ask{path}", body, {"Content-Type": type})
        with urllib.request.urlopen(question) as answer:
            said = json.load(answer)
            return said["status"], said["answer"].get("type", said["answer"]["detail"]).split(":")[-1]

    assert ask("/v1/query", b"{}") == (400, "question")
    assert ask("/v1/cluster/none/provenance?size=1") == (400, "Invalid node id.")
    # A form of another site cannot say that it is JSON, so this protects from it here too.
    assert ask("/v1/chaos/runs", b'{"scenario": {}}', "text/plain") == (400, "media-type")
    with pytest.raises(urllib.error.HTTPError):
        ask("/healthz")


def test_it_is_accessible(page: Page) -> None:
    opened(page, PER_NODE)
    expect(page.locator(".answer")).to_contain_text("4 rows")
    assert serious(page) == []
    page.locator("[data-show=csv]").click()
    write(page, "SELECT nothing FROM provenance")
    page.locator(".run").click()
    expect(page.locator(".cm-fault")).to_be_visible()
    page.locator(".theme").click()
    expect(page.locator("body")).to_have_class(re.compile("body--dark"))

    assert serious(page) == []


@pytest.mark.parametrize("page", [NARROW], indirect=True, ids=["narrow"])
def test_it_fits_a_telephone_and_speaks_german(page: Page) -> None:
    page.goto("/")
    page.locator("[data-language=de]").click()
    opened(page, PER_NODE)

    expect(page.locator(".answer")).to_contain_text("4 Zeilen")
    expect(page.get_by_role("button", name="Ausführen")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]
