"""The images: what the Dockerfile says of them, each built and started without Docker, and with it where it runs."""

import json
import re
import shutil
import subprocess
from pathlib import Path, PurePosixPath

import msgspec
import pytest

from headwater.cli.main import main
from headwater.deploy.plan import GATEWAY, SENSOR, SERVER, STATE, UID
from scripts.generate_deployments import EXAMPLES
from tests.deploy.build import Built
from tests.deploy.dockerfile import ignored, last, listed, patterns_of, stages_of, whole
from tests.deploy.engine import contained_command, problem
from tests.deploy.images import DOCKERFILE, ROOT

IMAGES = (GATEWAY, SERVER, SENSOR)
LOCKS = ROOT / "deploy/locks"
STAGES = stages_of(DOCKERFILE.read_text())
BUILD_S = 900


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_runs_as_nobody_in_particular_and_starts_without_a_shell(image: str) -> None:
    instructions = whole(STAGES, image)
    assert last(instructions, "USER") == f"{UID}:{UID}"
    assert last(instructions, "WORKDIR") == last(instructions, "VOLUME") == str(STATE)
    assert listed(last(instructions, "ENTRYPOINT")) == ("headwater",)
    assert listed(last(instructions, "CMD"))
    assert last(instructions, "STOPSIGNAL") == "SIGTERM"
    assert "image.licenses" in last(instructions, "LABEL")


@pytest.mark.parametrize("image", [GATEWAY, SERVER])
def test_what_listens_is_asked_by_a_command_of_ours(image: str) -> None:
    asking = last(whole(STAGES, image), "HEALTHCHECK").partition("CMD ")[2]
    assert listed(asking)[:2] == ("headwater", "health")


@pytest.mark.parametrize("name", [*IMAGES, "build"])
def test_an_image_holds_the_locked_packages_and_no_others(name: str) -> None:
    whole_lock = (ROOT / "requirements.lock").read_text()
    pins = re.findall(r"^[a-z0-9-]+==[^ ]+", (LOCKS / f"{name}.lock").read_text(), re.MULTILINE)
    assert pins
    assert [pin for pin in pins if f"\n{pin} " not in f"\n{whole_lock}"] == []


def test_the_image_of_gateways_is_light() -> None:
    locked = (LOCKS / "gateway.lock").read_text()
    heavy = ("cassandra-driver", "duckdb", "fastapi", "httpx", "nicegui", "obstore", "pyarrow", "pydantic", "typer")
    assert [name for name in heavy if f"\n{name}==" in locked] == []


def test_every_package_comes_as_a_wheel_by_its_hash() -> None:
    installs = re.findall(r"pip install [^&\n]*", DOCKERFILE.read_text().replace("\\\n", " "))
    assert len(installs) == 7
    for install in installs:
        assert "--require-hashes --only-binary :all:" in install or "--no-deps --no-index" in install


@pytest.mark.parametrize(
    ("path", "is_ignored"),
    [
        ("src/headwater/node.py", False),
        ("src/headwater/__pycache__/node.cpython-313.pyc", True),
        ("deploy/locks/gateway.lock", False),
        ("deploy/compose/fork/compose.yaml", True),
        ("tests/conftest.py", True),
        (".git/config", True),
        ("examples/topologies/fork.toml", False),
        ("examples/topologies/var/fork/gatewayA/log/lock", True),
        ("secrets/key", True),
    ],
)
def test_an_image_is_built_from_what_it_needs(path: str, is_ignored: bool) -> None:
    assert ignored(PurePosixPath(path), patterns_of(ROOT / ".dockerignore")) is is_ignored


@pytest.mark.timeout(BUILD_S)
def test_the_image_of_gateways_is_built_and_serves_with_nothing_but_its_volume_to_write_to(tmp_path: Path) -> None:
    if why := problem():
        pytest.skip(f"machine cannot: {why}")
    try:
        done = subprocess.run(
            contained_command("tests.deploy.build", str(tmp_path), GATEWAY),
            capture_output=True,
            text=True,
            check=False,
            timeout=BUILD_S - 30,
        )
        if "No matching distribution" in done.stderr or "Connection" in done.stderr:
            pytest.skip("machine cannot: the locked packages cannot be had here")
        assert done.returncode == 0, done.stderr[-3000:]
        (built,) = msgspec.json.decode(done.stdout, type=list[Built])
        assert (built.unhealthy, built.restarted) == ([], [])
    finally:
        shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture
def docker() -> None:
    """Skips where there is no Docker that runs."""
    client = shutil.which("docker")
    if client is None or subprocess.run([client, "info"], capture_output=True, check=False, timeout=60).returncode:
        pytest.skip("machine cannot: there is no Docker engine")


@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("docker")
def test_docker_builds_the_images_and_brings_a_topology_up(tmp_path: Path) -> None:
    subprocess.run(["make", "images", "VERSION=test"], check=True, cwd=ROOT, timeout=3000)
    folder = tmp_path / "line"
    assert main(["compose", str(EXAMPLES / "line.toml"), "-o", str(folder), "--tag", "test"]) == 0
    compose = ["docker", "compose", "--project-name", "headwater-test", "--project-directory", str(folder)]
    try:
        subprocess.run([*compose, "up", "--detach", "--wait", "--wait-timeout", "300"], check=True, timeout=400)
        listing = subprocess.run([*compose, "ps", "--format", "json"], check=True, capture_output=True, text=True)
        services = [json.loads(line) for line in listing.stdout.splitlines()]
        assert {service["State"] for service in services} == {"running"}
        assert len(services) == 8
    finally:
        subprocess.run([*compose, "down", "--volumes"], check=False, timeout=300)
