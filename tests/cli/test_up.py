"""`headwater up`: what it prints, and where it lists its processes."""

from pathlib import Path

import pytest
from rich.console import Console

from headwater.cli.main import main
from headwater.cli.up import prefixed, report_file, the_only_run
from headwater.config import load_topology
from headwater.model.errors import Unavailable

FORK = Path(__file__).resolve().parents[2] / "examples/topologies/fork.toml"


def test_a_line_stands_behind_the_name_of_its_process_as_it_is() -> None:
    console = Console(width=20, color_system=None, highlight=False, soft_wrap=True)
    say = prefixed(console, ["a", "gatewayA"])
    with console.capture() as captured:
        say("a", "[bold] a line that is longer than the console")
        say("gatewayA", "up")
    assert captured.get() == "a        │ [bold] a line that is longer than the console\ngatewayA │ up\n"


def test_processes_are_listed_in_the_folder_of_the_run() -> None:
    topology = load_topology(FORK)
    assert report_file(topology, None) == FORK.parent / "var/fork/processes.json"
    assert report_file(topology, "gatewayA") == FORK.parent / "var/fork/processes-gatewayA.json"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["none.toml"], "none.toml: cannot be read"),
        ([str(FORK), "--only", "gateway"], 'is called "gateway"; did you mean "gateway'),
    ],
)
def test_nothing_is_started_when_something_is_wrong(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["up", *arguments]) == 2
    assert told in capsys.readouterr().err


def test_a_second_run_of_the_same_topology_is_refused_and_the_first_unharmed(tmp_path: Path) -> None:
    report = tmp_path / "processes.json"
    with the_only_run(report), pytest.raises(Unavailable, match="running already"), the_only_run(report):
        raise AssertionError("never reached")
    with the_only_run(report):
        assert not report.exists()
