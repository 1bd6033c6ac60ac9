"""The throughput benchmark: a small run of the real thing, and the ratios that a report makes."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.throughput.report import RATIOS, make, table, write
from benchmarks.throughput.result import Case, Result

ROOT = Path(__file__).parents[2]


def result(rate: float) -> Result:
    return Result(
        1.0, rate, 1.0, 1000.0 / rate, 0.5, 1.0, {"gateway": 0.75, "store": 0.25}, {"gateway": 60.0, "store": 80.0}
    )


def test_ratios_are_taken_within_a_round() -> None:
    off, on = Case("ours", False, 1000, 10), Case("ours", True, 1000, 10)

    report = make({off: [result(100.0), result(10.0), result(50.0)], on: [result(96.0), result(9.0), result(60.0)]})

    held = report.ratios["throughput_on_off_1000"]
    assert (held.median, held.min, held.max) == (0.96, 0.9, 1.2)
    assert report.met["throughput_on_off_1000"]
    assert "throughput_vs_baseline_1000" not in report.ratios


def test_a_ratio_that_misses_its_target_says_so() -> None:
    off, on = Case("ours", False, 100, 10), Case("ours", True, 100, 10)

    report = make({off: [result(100.0)], on: [result(89.0)]})

    assert not report.met["throughput_on_off_100"]
    assert "| throughput_on_off_100 | 0.890 | 0.890 to 0.890 | ≥ 0.900 | no |" in table(report)


def test_a_report_is_json_with_markdown_and_plots_beside_it(tmp_path: Path) -> None:
    report = make({Case("ours", on, 1000, 10): [result(100.0)] for on in (False, True)})

    write(report, tmp_path / "made" / "report.json")

    held = json.loads((tmp_path / "made" / "report.json").read_text())
    assert held["ratios"]["throughput_on_off_1000"] == {"median": 1.0, "min": 1.0, "max": 1.0}
    shown = (tmp_path / "made" / "report.md").read_text()
    assert "| throughput_on_off_1000 |" in shown
    assert "| gateway 0.750, store 0.250 | gateway 60, store 80 |" in shown
    assert (tmp_path / "made" / "report.svg").read_text().startswith("<?xml")


def test_every_ratio_has_a_name_of_its_own() -> None:
    assert len({wanted.name for wanted in RATIOS}) == len(RATIOS)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("path", ["ours", "2018"])
def test_a_small_run_measures_the_real_path(tmp_path: Path, path: str) -> None:
    """Every reading arrives and, with provenance, every stamp is in the store, or there is no figure."""
    for tool in ("unshare", "nsenter", "ip", *(["redis-server"] if path == "2018" else [])):
        if shutil.which(tool) is None:
            pytest.skip(f"machine cannot: there is no {tool}")
    if subprocess.run(["unshare", "--user", "--net", "--mount", "true"], check=False, capture_output=True).returncode:
        pytest.skip("machine cannot: network namespaces are not allowed")
    case = "ours, N=100, saturated" if path == "ours" else "2018, N=1, saturated"
    scale = "0.1" if path == "ours" else "0.02"
    command = [sys.executable, "-m", "benchmarks.throughput", "--rounds", "1", "--scale", scale, "--only", case]

    done = subprocess.run(
        [*command, "--report", str(tmp_path / "report.json")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    off, on = (held["rounds"][0] for held in json.loads((tmp_path / "report.json").read_text())["cases"])
    for figures in (off, on):
        assert figures["path_bytes"] > figures["link_bytes"] > 0
        assert figures["readings_per_s"] > 0
        assert figures["cpu_us"] > 0
        assert sum(figures["process_cpu_us"].values()) == pytest.approx(figures["cpu_us"])
        assert min(figures["memory_mib"].values()) > 1
    # Ours reports how it stands without provenance too, the more often the longer it takes; 2018 sent stamps alone.
    assert (off["stamps_bytes"] > 0) == (path == "ours")
    assert on["stamps_bytes"] > 0
