"""Units of systemd: what they say, what systemd makes of them, and that their processes serve."""

import shutil
import subprocess
from pathlib import Path

import pytest

from headwater.cli.main import main
from headwater.deploy.systemd import Machine, systemd_files
from headwater.model.errors import ConfigError
from headwater.pipeline.step_options import MaskOptions
from scripts.generate_deployments import EXAMPLES
from tests.deploy.engine import problem
from tests.deploy.images import PYTHON
from tests.deploy.running import faults, run_trial
from tests.deploy.test_compose import SECRETS, example, load

MACHINE = Machine(python=Path("/opt/headwater/bin/python"))
UNITS = Path("etc/systemd/system")
EXPOSURE_MAX = 20
"""Tenths of what systemd-analyze finds: 2.0 of 10, where what it calls medium begins at 5."""
SECONDS = 3


def installed(root: Path, topology: str, *names: str) -> Path:
    """The units of some names of an example below a folder."""
    for name in names:
        given = ["--root", str(root), "--python", PYTHON]
        assert main(["service", "install", str(EXAMPLES / f"{topology}.toml"), name, *given]) == 0
    return root


def lines_of(text: str) -> dict[str, list[str]]:
    """What each key of a unit says."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, mark, value = line.partition("=")
        if mark:
            found.setdefault(key, []).append(value)
    return found


def test_a_node_is_two_units_of_one_user_on_one_folder() -> None:
    files = systemd_files(example("fork"), "gatewayA", MACHINE)
    units = {path.name: lines_of(text) for path, text in files.items() if path.suffix == ".service"}
    assert list(units) == ["headwater-gatewaya.service", "headwater-gatewaya-agent.service"]
    for unit in units.values():
        assert (unit["User"], unit["StateDirectory"], unit["Restart"]) == (["headwater"], ["headwater"], ["always"])
    command = "/opt/headwater/bin/python -m headwater.cli.main gateway --config /etc/headwater/topology.toml"
    assert units["headwater-gatewaya.service"]["ExecStart"] == [f"{command} --name gatewayA"]
    assert units["headwater-gatewaya.service"]["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    assert [path.name for path in files if path.suffix != ".service"] == ["topology.toml", "headwater.conf"]


def test_everything_is_kept_below_the_folder_that_may_be_written(tmp_path: Path) -> None:
    files = systemd_files(example("fork"), "server", MACHINE)
    inside = load(tmp_path, files[MACHINE.file])
    folders = [inside.server.data, *(gateway.data for gateway in inside.gateways)]
    folders += [agent.data for agent in inside.agents] + [group.journal for group in inside.sensors]
    assert {folder.parent for folder in folders} == {Path("/var/lib/headwater")}
    before = example("fork")
    assert [gateway.listen for gateway in inside.gateways] == [gateway.listen for gateway in before.gateways]


def test_secrets_are_credentials_of_their_unit_and_variables_stay(tmp_path: Path) -> None:
    text = SECRETS.replace('key_env = "MASK"', 'key_file = "mask.key"')
    files = systemd_files(load(tmp_path, text), "Gate_way.1", MACHINE)
    unit, agent = (lines_of(text) for path, text in files.items() if path.suffix == ".service")
    assert unit["LoadCredential"] == [
        f"gate-way-1-mqtt-1-ca:{tmp_path / 'ca.pem'}",
        f"gate-way-1-step-1-key:{tmp_path / 'mask.key'}",
    ]
    assert "LoadCredential" not in agent
    inside = load(tmp_path, files[MACHINE.file])
    (step,), (inlet,) = inside.gateways[0].steps, inside.gateways[0].mqtt
    assert isinstance(step, MaskOptions)
    assert step.key_file == "/run/credentials/headwater-gate-way-1.service/gate-way-1-step-1-key"
    assert inlet.password_variable == "P"
    assert unit["EnvironmentFile"] == ["-/etc/headwater/environment"]


def test_a_name_that_nothing_has_is_told() -> None:
    with pytest.raises(ConfigError, match='nothing in the topology is called "gatewayX"; did you mean "gateway'):
        systemd_files(example("fork"), "gatewayX", MACHINE)


@pytest.mark.parametrize(
    ("python", "homes"), [("/opt/headwater/bin/python", "yes"), ("/home/me/.venv/bin/python", "read-only")]
)
def test_homes_are_hidden_unless_the_interpreter_is_in_one(python: str, homes: str) -> None:
    for path, text in systemd_files(example("line"), "gatewayA", Machine(python=Path(python))).items():
        assert path.suffix != ".service" or lines_of(text)["ProtectHome"] == [homes]


@pytest.fixture
def analyze() -> str:
    """systemd-analyze; skips without."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("machine cannot: there is no systemd-analyze; apt-get install systemd")
    return program


def all_units(root: Path) -> list[str]:
    """The units of everything that examples have, with an interpreter that is there."""
    python = Path(shutil.which("true") or "/bin/true")
    for name in ("gatewayA", "endpoint", "server", "sensorsA"):
        given = ["--root", str(root), "--python", str(python)]
        assert main(["service", "install", str(EXAMPLES / "fork.toml"), name, *given]) == 0
    return sorted(map(str, (root / UNITS).glob("*.service")))


def test_systemd_finds_nothing_wrong_with_the_units(analyze: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [analyze, "verify", *all_units(tmp_path)], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_finds_little_that_a_unit_may_do(analyze: str, tmp_path: Path) -> None:
    for unit in all_units(tmp_path):
        given = ["security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE_MAX}", unit]
        done = subprocess.run([analyze, *given], capture_output=True, text=True, check=False, timeout=60)
        if "unrecognized option" in done.stderr:
            pytest.skip("machine cannot: this systemd-analyze looks at running units only")
        assert done.returncode == 0, done.stdout


@pytest.mark.timeout(600)
def test_units_on_three_machines_deliver_everything_once_and_explain_it(tmp_path: Path) -> None:
    if why := problem():
        pytest.skip(f"machine cannot: {why}")
    installed(tmp_path / "machine-a", "three-machines", "gatewayA", "sensorsA")
    installed(tmp_path / "machine-b", "three-machines", "gatewayB")
    installed(tmp_path / "machine-c", "three-machines", "endpoint", "server")
    assert faults(run_trial("units", tmp_path, SECONDS), is_judged=True) == []
