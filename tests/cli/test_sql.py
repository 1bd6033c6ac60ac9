"""`headwater sql`, against the API over a small grid."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pyarrow.ipc
import pyarrow.parquet
import pytest

from headwater.cli.main import INTERRUPTED, main
from tests.api.conftest import api, store
from tests.api.grid import A, point

__all__ = ["api", "store"]

SQL = f"SELECT id, inputs, step, line FROM provenance WHERE node = '{A:06x}' ORDER BY id"


@pytest.fixture(autouse=True)
def server(api: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_SERVER", str(api.base_url))


def test_a_table_shows_each_row_on_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sql", SQL]) == 0

    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["id", "inputs", "step", "line"]
    assert [row.split() for row in rows] == [[str(point(A, at)), "[]", "185"] for at in range(4)]


def test_a_query_is_read_from_standard_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("SELECT count(*) AS points\nFROM provenance"))

    assert main(["sql", "--format", "json"]) == 0

    assert json.loads(capsys.readouterr().out)["rows"] == [[26]]


def test_what_is_cut_is_said_beside_the_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sql", "SELECT id FROM provenance ORDER BY id", "--format", "csv", "--rows", "2"]) == 0

    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 3
    assert "cut after 2 rows" in said.err


def test_files_are_written_whole(tmp_path: Path) -> None:
    for format, more in (("parquet", ()), ("arrow", ("--all",)), ("csv", ()), ("json", ("--all",))):
        assert main(["sql", SQL, "--format", format, "--output", str(tmp_path / format), *more]) == 0

    expected = [str(point(A, at)) for at in range(4)]
    assert pyarrow.parquet.read_table(tmp_path / "parquet")["id"].to_pylist() == expected
    assert pyarrow.ipc.open_stream((tmp_path / "arrow").read_bytes()).read_all()["id"].to_pylist() == expected
    assert [line.split(",")[0] for line in (tmp_path / "csv").read_text().splitlines()[1:]] == expected
    assert [row[0] for row in json.loads((tmp_path / "json").read_text())["rows"]] == expected


def test_a_file_that_was_there_stays_when_the_query_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kept").write_text("before")

    assert main(["sql", "SELECT\n nope FROM provenance", "--format", "csv", "--output", str(tmp_path / "kept")]) == 2

    assert "line 2, column 2" in capsys.readouterr().err
    assert [each.name for each in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept").read_text() == "before"


@pytest.mark.parametrize(
    "arguments",
    [
        (" ",),
        ("SELECT 1", "--all"),
        ("SELECT 1", "--all", "--format", "csv", "--rows", "5"),
        ("SELECT 1", "--output", "file"),
        ("SELECT 1", "--format", "csv", "--output", "/nowhere/at/all"),
        ("SELECT 1", "--format", "xml"),
        ("SELECT 1", "--rows", "-1"),
    ],
)
def test_wrong_options_are_named(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sql", *arguments]) == 2
    assert capsys.readouterr().err.startswith("headwater: ")


def test_nobody_there_is_unavailable(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sql", "SELECT 1", "--server", "127.0.0.1:1"]) == 4
    assert "no server answers" in capsys.readouterr().err


def test_control_c_cancels_the_query(api: httpx.Client) -> None:
    endless = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t"
    command = [sys.executable, "-m", "headwater.cli.main", "sql", endless]
    gate = threading.Event()
    with subprocess.Popen(command, env=dict(os.environ), stderr=subprocess.PIPE) as process:
        try:
            while not api.get("/v1/query").json() and process.poll() is None:
                gate.wait(0.02)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
        finally:
            process.kill()

    assert process.returncode == INTERRUPTED
    while api.get("/v1/query").json():
        gate.wait(0.02)
