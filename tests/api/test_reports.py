"""`/v1/reports`: what is listed and read, and that nothing else of the machine is."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from headwater.api import reports
from headwater.api.options import ApiOptions
from headwater.health.chaos.documents import ChaosObserver, ChaosReport, ChaosRun
from tests.api import grid
from tests.api.served import served
from tests.api.test_every_endpoint import is_problem


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "server" / "reports"
    found.mkdir(parents=True)
    return found


@pytest.fixture
def api(folder: Path) -> Iterator[httpx.Client]:
    with served(lambda: grid.open_reader(folder), lambda: grid.NOW_MS, ApiOptions(reports=str(folder))) as client:
        yield client


def put(folder: Path, name: str, text: str, written_s: int = 1_000) -> None:
    (folder / name).write_text(text)
    os.utime(folder / name, (written_s, written_s))


def test_reports_are_listed_newest_first_and_read_as_they_were_written(api: httpx.Client, folder: Path) -> None:
    put(folder, "old.json", '{"figure":   1.50}', 1_000)
    put(folder, "new.json", "{}", 2_000)

    assert api.get("/v1/reports").json() == [
        {"name": "new.json", "bytes": 2, "written": 2_000_000},
        {"name": "old.json", "bytes": 18, "written": 1_000_000},
    ]
    assert api.get("/v1/reports/old.json").text == '{"figure":   1.50}'


def test_nothing_but_reports_is_listed_or_read(api: httpx.Client, folder: Path) -> None:
    secret = folder.parent / "secret.json"
    secret.write_text("{}")
    (folder / "link.json").symlink_to(secret)
    (folder / "folder.json").mkdir()
    os.mkfifo(folder / "pipe.json")
    put(folder, ".hidden.json", "{}")
    put(folder, "notes.txt", "{}")

    assert api.get("/v1/reports").json() == []
    outside = ("..%2fsecret.json", "%2e%2e%2fsecret.json", "link.json", "folder.json", "pipe.json", ".hidden.json")
    for name in (*outside, "notes.txt", "nothing.json", "a" * 200 + ".json", "%00.json"):
        assert is_problem(api.get(f"/v1/reports/{name}"), 404)


@pytest.mark.parametrize("text", ["[1]", "{", "\x00", "[" * 100_000, " " * (reports.BYTES_MAX + 1)])
def test_what_is_no_report_is_refused(api: httpx.Client, folder: Path, text: str) -> None:
    put(folder, "wrong.json", text)

    assert is_problem(api.get("/v1/reports/wrong.json"), 400)
    assert "wrong.json" in api.get("/v1/reports/wrong.json").json()["detail"]


def test_a_folder_that_cannot_be_read_is_said(api: httpx.Client, folder: Path) -> None:
    folder.rmdir()
    folder.write_text("no folder")

    assert is_problem(api.get("/v1/reports"), 503)


def test_the_list_has_an_end(api: httpx.Client, folder: Path) -> None:
    for number in range(reports.LISTED_MAX + 5):
        put(folder, f"{number}.json", "{}", number)

    names = [one["name"] for one in api.get("/v1/reports").json()]
    assert names[0] == f"{reports.LISTED_MAX + 4}.json"
    assert len(names) == reports.LISTED_MAX


def test_without_a_folder_there_are_none(tmp_path: Path) -> None:
    for options in (ApiOptions(), ApiOptions(reports=str(tmp_path / "none"))):
        with served(lambda: grid.open_reader(tmp_path), lambda: grid.NOW_MS, options) as api:
            assert api.get("/v1/reports").json() == []
            assert is_problem(api.get("/v1/reports/a.json"), 404)


def run_of(id: str, begun_ms: int) -> ChaosRun:
    report = ChaosReport(
        seed=1, begun_ms=begun_ms, lasted_s=1.0, kinds={}, ways={}, false_alarms=0, false=[], readings_lost=0,
        losses={}, undelivered=0, delivered=5, observer=ChaosObserver(looks=1, failed=0, gap_p99_ms=1, gap_max_ms=1),
        faults=[],
    )  # fmt: skip
    return ChaosRun(id=id, state="done", count=0, done=0, doing="", report=report)


def test_a_run_that_has_ended_is_kept_and_the_oldest_goes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "KEPT_MAX", 2)
    put(folder, "chaos-mine.json", "{}")
    for number in range(3):
        reports.keep(folder, run_of(f"abcdef{number}", number * 86_400_000))

    assert sorted(one.name for one in folder.iterdir()) == [
        "chaos-19700102T000000Z-abcdef.json",
        "chaos-19700103T000000Z-abcdef.json",
        "chaos-mine.json",
    ]
    assert json.loads((folder / "chaos-19700103T000000Z-abcdef.json").read_text())["delivered"] == 5
