"""What runs on a gateway or a sensor board needs the base install only."""

import subprocess
import sys

import pytest

HEAVY = (
    "cassandra",
    "duckdb",
    "fastapi",
    "httpx",
    "obstore",
    "paho",
    "pyarrow",
    "pydantic",
    "redis",
    "rich",
    "starlette",
    "typer",
    "uvicorn",
)
LIGHT = (
    "headwater.model",
    "headwater.wire",
    "headwater.log",
    "headwater.capture",
    "headwater.pipeline",
    "headwater.agent",
    "headwater.emulator",
    "headwater.store.service",
    "headwater.cli.main",
)
IMPORT_ALL = """
import importlib, pkgutil, sys
module = importlib.import_module(sys.argv[1])
for found in pkgutil.walk_packages(getattr(module, "__path__", ()), sys.argv[1] + "."):
    importlib.import_module(found.name)
print(*sorted({name.partition(".")[0] for name in sys.modules}.intersection(sys.argv[2:])))
"""


@pytest.mark.parametrize("module", LIGHT)
def test_a_gateway_part_imports_nothing_heavy(module: str) -> None:
    command = [sys.executable, "-c", IMPORT_ALL, module, *HEAVY]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_the_package_itself_does_not_load_its_client() -> None:
    command = "import headwater, sys; headwater.__version__; assert 'httpx' not in sys.modules; headwater.Client"
    subprocess.run([sys.executable, "-c", command], check=True, timeout=60)
