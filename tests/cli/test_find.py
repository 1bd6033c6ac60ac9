"""`headwater find`, against the API over a small grid."""

import json

import httpx
import pytest

from headwater.cli.find import Finding, as_table, time_of
from headwater.cli.main import main
from headwater.client import Datapoint, Found, PointContext
from headwater.model.errors import ConfigError
from tests.api.conftest import api, store
from tests.api.grid import METER, METRIC, T0, A, B, point

__all__ = ["api", "store"]


@pytest.fixture(autouse=True)
def server(api: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_SERVER", str(api.base_url))


def test_csv_has_a_row_for_each_value(capsys: pytest.CaptureFixture[str]) -> None:
    time = "2018-02-07T23:52:23"
    asked = ("--meter", METER, "--metric", METRIC, "--oldest", "--from", time, "--to", str(T0 + 2000), "--csv")
    assert main(["find", *asked]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "id,node,meter,metric,time,value",
        f"{point(A, 0)},gatewayA,{METER},{METRIC},{time}.000Z,1.5",
        f"{point(A, 1)},gatewayA,{METER},{METRIC},{time[:-2]}24.000Z,-0.0",
    ]


def test_json_is_a_document_per_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find", "--node", "gatewayB", "--json"]) == 0
    newest, oldest = map(json.loads, capsys.readouterr().out.splitlines())
    assert (newest["id"], oldest["id"]) == (str(point(B, 1)), str(point(B, 0)))
    assert oldest == {
        "id": str(point(B, 0)),
        "node": "gatewayB",
        "meter": None,
        "metric": None,
        "time": T0,
        "value_state": "unreachable",
    }


def test_a_table_says_that_there_is_more(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find", "--metric", METRIC, "--size", "2"]) == 0
    header, first, second, more = capsys.readouterr().out.splitlines()
    assert header.split() == ["id", "node", "meter", "metric", "time", "value"]
    assert first.split()[::5] == [str(point(A, 3)), "-Infinity"]
    assert second.split()[::5] == [str(point(A, 2)), "NaN"]
    assert more.startswith("and more: --size 0 shows all")
    assert main(["find", "--size", "0"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 9


def test_values_that_nobody_could_check_are_counted_beside_the_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find", "--min", "1", "--csv"]) == 0
    said = capsys.readouterr()
    assert [line.split(",")[0] for line in said.out.splitlines()] == ["id", str(point(A, 0))]
    assert said.err == "headwater: left out, because nobody could tell their values: 4 unreachable\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--csv", "--json"), "--csv and --json exclude each other"),
        (("--from", "noon"), "--from noon: neither ms since the epoch nor ISO 8601, as 2026-11-21T08:30"),
        (("--from", "5", "--to", "5"), "nothing is from 5 to before 5: --from must be the earlier one"),
        (("--node", "nobody"), "'nobody' is not a node id (6 hexadecimal digits), and no node that is known is called"),
    ],
)
def test_what_cannot_be_asked_is_told(
    arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["find", *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"headwater: {sentence}")


def test_times_are_iso_with_utc_unless_said_or_ms() -> None:
    assert time_of("--to", "1518047543000") == time_of("--to", "2018-02-07T23:52:23Z") == T0
    assert time_of("--to", "2018-02-08T00:52:23+01:00") == time_of("--to", "2018-02-07 23:52:23") == T0
    assert time_of("--to", "-5") == -5
    with pytest.raises(ConfigError, match="--to 2018-13-01"):
        time_of("--to", "2018-13-01")


def test_a_name_that_would_steer_the_terminal_is_shown_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    named = PointContext(host_id="000001", meter_id="m\x1b[2J", metric_id="power\n")
    as_table(Finding(lambda **_: Found((Datapoint(id=str(point(A, 0)), context=named),), 1, {}), 1))
    assert "m\N{REPLACEMENT CHARACTER}[2J  power\N{REPLACEMENT CHARACTER}" in capsys.readouterr().out
