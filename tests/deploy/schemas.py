"""The specifications that what is written must fulfil, as far as this machine has them."""

import copy
import json
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import compose_spec
import jsonschema_rs
import pytest

COMPOSE_GO = "github.com/compose-spec/compose-go/v2@v2.16.2"
DOWNLOAD_S = 90


@cache
def compose_schema() -> dict[str, Any]:
    """The JSON schema of the Compose specification, out of the Go module that Docker reads it with; skips without."""
    if shutil.which("go") is None:
        pytest.skip("machine cannot: the Compose specification comes as a Go module, and there is no go")
    command = ["go", "mod", "download", "-json", COMPOSE_GO]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DOWNLOAD_S)
        folder = Path(json.loads(done.stdout)["Dir"])
    except (subprocess.TimeoutExpired, json.JSONDecodeError, KeyError):
        pytest.skip(f"machine cannot: {COMPOSE_GO} cannot be had from the Go module proxy")
    schema: dict[str, Any] = json.loads((folder / "schema/compose-spec.json").read_text())
    return schema


def fulfils_compose_specification(document: dict[str, Any]) -> None:
    """AssertionError unless a document is one of the Compose specification."""
    problems = [str(error) for error in jsonschema_rs.validator_for(compose_schema()).iter_errors(document)]
    assert problems == []


def is_read_as_compose(document: dict[str, Any]) -> None:
    """ValueError for any key and value that a reader of Compose files does not know."""
    known = copy.deepcopy(document)
    for config in known["configs"].values():
        del config["name"]  # Which it takes for external ones only; the specification has it for all.
    compose_spec.PyCompose.from_json(json.dumps(known))


def is_read_by_docker_stack(file: Path) -> None:
    """AssertionError unless `docker stack deploy` reads a file; skips without Docker's client."""
    if shutil.which("docker") is None:
        pytest.skip("machine cannot: there is no docker client")
    command = ["docker", "stack", "config", "--compose-file", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
