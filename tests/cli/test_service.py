"""`headwater service`: units are written, told and taken away; systemd itself is not needed for that."""

from pathlib import Path

import pytest

from headwater.cli.main import main
from headwater.cli.service import install
from headwater.model.errors import ConfigError

EXAMPLES = Path(__file__).resolve().parents[2] / "examples/topologies"
UNITS = Path("etc/systemd/system")
FORK = str(EXAMPLES / "fork.toml")


def service(*arguments: str, root: Path) -> int:
    return main(["service", *arguments, "--root", str(root)])


def test_units_are_installed_told_and_taken_away(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert service("install", FORK, "gatewayA", root=tmp_path) == 0
    assert service("install", FORK, "server", root=tmp_path) == 0
    there = ["headwater-gatewaya-agent.service", "headwater-gatewaya.service", "headwater-server.service"]
    assert sorted(path.name for path in (tmp_path / UNITS).iterdir()) == there
    capsys.readouterr()
    assert service("status", root=tmp_path) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == there
    assert service("status", "gatewayA", root=tmp_path) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert service("uninstall", "gatewayA", root=tmp_path) == 0
    left = [str(tmp_path / place) for place in ("etc/headwater", "etc/sysusers.d/headwater.conf")]
    assert capsys.readouterr().out.splitlines()[2:] == [f"left as they are: {', '.join(left)}"]
    assert [path.name for path in (tmp_path / UNITS).iterdir()] == there[2:]
    assert (tmp_path / "etc/headwater/fork.toml").is_file()


def test_what_is_not_installed_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert service("status", root=tmp_path) == 3
    assert service("uninstall", "gatewayA", root=tmp_path) == 3
    assert "no service of Headwater is installed for gatewayA in" in capsys.readouterr().err


def test_a_trial_prints_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert service("install", FORK, "gatewayA", "--dry-run", root=tmp_path) == 0
    assert "ExecStart=" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_installing_again_changes_nothing_and_another_topology_is_refused(tmp_path: Path) -> None:
    for name in ("endpoint", "server"):
        assert install(Path(FORK), name, tmp_path, {}) == 0
        before = (tmp_path / UNITS / f"headwater-{name}.service").read_text()
        assert install(Path(FORK), name, tmp_path, {}) == 0
        assert (tmp_path / UNITS / f"headwater-{name}.service").read_text() == before
        with pytest.raises(ConfigError, match=r"is of another topology than line\.toml: uninstall it first"):
            install(EXAMPLES / "line.toml", name, tmp_path, {})


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["install", FORK], "install TOPOLOGY.toml NAME"),
        (["uninstall"], "install TOPOLOGY.toml NAME"),
        (["status", "a", "b"], "install TOPOLOGY.toml NAME"),
        (["begin"], "invalid choice: 'begin'"),
        (["install", FORK, "gatewayX"], 'nothing in the topology is called "gatewayX"'),
    ],
)
def test_a_wrong_command_line_is_named(
    arguments: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert service(*arguments, root=tmp_path) == 2
    assert told in capsys.readouterr().err


def test_a_topology_file_whose_name_would_need_quotes_is_refused(tmp_path: Path) -> None:
    odd = tmp_path / "my grid.toml"
    odd.write_text(Path(FORK).read_text())
    with pytest.raises(ConfigError, match="my grid"):
        install(odd, "server", tmp_path, {})


def test_an_interpreter_that_others_cannot_reach_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "python").touch()
    assert service("install", FORK, "server", "--python", str(closed / "python"), root=tmp_path) == 0
    assert f"{closed} lets nobody but its owner in, so headwater cannot run" in capsys.readouterr().err
