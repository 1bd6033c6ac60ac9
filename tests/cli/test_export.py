"""`headwater export`: what it writes of a small grid, and that a broken stream leaves nothing behind."""

import itertools
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pyarrow.parquet
import pytest

from headwater.cli.asking_sql import whole_file
from headwater.cli.export import Progress, selection
from headwater.cli.main import main
from tests.api.conftest import api, store
from tests.api.grid import METER, METRIC, T0, A, C, point

__all__ = ["api", "store"]


@pytest.fixture(autouse=True)
def server(api: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_SERVER", str(api.base_url))


def exported(path: Path, *arguments: str) -> list[dict[str, object]]:
    assert main(["export", str(path), *arguments]) == 0
    rows: list[dict[str, object]] = pyarrow.parquet.read_table(path).to_pylist()
    return sorted(rows, key=lambda row: str(row["id"]))


def test_everything_is_exported_as_the_relation_has_it(
    api: httpx.Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = api.post("/v1/query", json={"query": "SELECT * FROM provenance ORDER BY id"}).json()
    names = [column["name"] for column in answer["columns"]]

    rows = exported(tmp_path / "all.parquet")

    assert rows == [dict(zip(names, row, strict=True)) for row in answer["rows"]]
    assert "26 data points" in capsys.readouterr().err


def test_a_range_of_one_series_at_one_node_is_exported_with_values(tmp_path: Path) -> None:
    wanted = ("--from", str(T0 + 1000), "--to", "2018-02-07T23:52:25", "--meter", METER, "--metric", METRIC)

    (row,) = exported(tmp_path / "one.parquet", *wanted, "--node", "gatewayA", "--values")

    assert (row["id"], row["value"], row["value_state"]) == (str(point(A, 1)), -0.0, "ok")
    assert len(exported(tmp_path / "same.parquet", *wanted)) == 3


def test_the_model_names_inputs_by_what_they_contributed(tmp_path: Path) -> None:
    assert main(["export", str(tmp_path / "model.json"), "--node", "000003", "--model"]) == 0

    found = {one["id"]: one for one in json.loads((tmp_path / "model.json").read_text())}
    average, forwarded = found[str(point(C, 4))], found[str(point(C, 0))]
    assert average["inputDatapoints"] == [{"average": [str(point(C, 0)), str(point(C, 1))]}]
    assert forwarded["inputDatapoints"] == [{"simple": [str(point(A, 0))]}]
    assert forwarded["context"] == {
        "loc": {"lable": "berlin", "latitude": 52.4, "longitude": 8.1},
        "lineNo": 185,
        "appName": "pushDataService",
        "className": "gatewayServer",
        "timestamp": T0,
        "sendTime": T0 + 25,
        "receiveTime": T0 + 20,
        "meterId": METER,
        "metricId": METRIC,
        "hostId": f"{C:06x}",
    }


def test_an_empty_range_is_a_file_without_rows(tmp_path: Path) -> None:
    assert exported(tmp_path / "none.parquet", "--to", "0") == []
    assert main(["export", str(tmp_path / "none.json"), "--to", "0", "--model"]) == 0
    assert json.loads((tmp_path / "none.json").read_text()) == []


def test_a_name_is_never_part_of_the_statement(tmp_path: Path) -> None:
    assert exported(tmp_path / "x.parquet", "--meter", "x' OR '1' = '1") == []
    assert selection(None, None, "a'b", None, None).endswith("meter = 'a''b'")


@pytest.mark.parametrize(
    "arguments", [("--from", "yesterday"), ("--meter", "a\0b"), ("--from", "2026-01-02", "--to", "2026-01-01")]
)
def test_wrong_options_are_named(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert main(["export", str(tmp_path / "x"), *arguments]) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_complete_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("before")

    def broken_off() -> None:
        with whole_file(tmp_path / "file") as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("file", "before")]


def test_what_is_no_file_is_written_to_and_stays_what_it_is(tmp_path: Path) -> None:
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(tmp_path / "file")
    (tmp_path / "file").touch()
    for path in (pipe, link):
        with ThreadPoolExecutor(1) as pool:
            read = pool.submit(pipe.read_bytes) if path is pipe else None
            with whole_file(path) as file:
                file.write(b"all")
            assert (read.result() if read else (tmp_path / "file").read_bytes()) == b"all"
    assert pipe.is_fifo()
    assert link.is_symlink()


def test_a_dash_is_standard_output(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["export", "--node", "000003", "--model", "-"]) == 0
    said = capfdbinary.readouterr()
    assert json.loads(said.out)
    assert said.err.endswith(b" a second\n")


def test_a_folder_is_no_file_to_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"headwater: {tmp_path} is a folder: name a file in it\n"


def test_progress_is_said_each_second_and_in_the_end(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(1234))
    times, said = iter([0.0, 0.5, 0.5, 1.0, 1.2, 1.9, 2.0, 2.0]), list[str]()
    progress = Progress(lambda: next(times), said.append, terminal=True)
    progress.add(10)
    progress.add(10)
    progress.end(tmp_path / "file")

    assert said[0] == "\r10 data points, 10 a second"
    assert said[-1].startswith("\r20 data points")
    assert "1,234 bytes" in said[-1]


def test_where_nobody_watches_progress_is_said_in_the_end_alone(tmp_path: Path) -> None:
    times, said = itertools.count(), list[str]()
    progress = Progress(lambda: float(next(times)), said.append, terminal=False)
    progress.add(10)
    progress.add(10)
    progress.end(tmp_path / "none")
    assert [line.split(",")[0] for line in said] == ["20 data points"]
