"""The workflow that publishes: of GitHub's schema, pinned, with no more rights than it needs, made of our targets."""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

import headwater
from headwater.deploy.plan import GATEWAY, SENSOR, SERVER

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
SCHEMA = "builtin_schemas/vendor/github-workflows.json"
PINNED = re.compile(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}")


def read(file: Path) -> dict[str, Any]:
    """A workflow; its `on` is a word of YAML that means true."""
    document: dict[Any, Any] = yaml.safe_load(file.read_text())
    return {"on" if key is True else key: value for key, value in document.items()}


def jobs() -> list[tuple[str, dict[str, Any]]]:
    return [(f"{file.stem}/{name}", job) for file in WORKFLOWS for name, job in read(file)["jobs"].items()]


def steps() -> list[dict[str, Any]]:
    return [step for _, job in jobs() for step in job["steps"]]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_is_of_the_schema(file: Path) -> None:
    schema = json.loads(files("check_jsonschema").joinpath(SCHEMA).read_text())
    assert [str(error) for error in jsonschema_rs.validator_for(schema).iter_errors(read(file))] == []


def test_nothing_is_released_that_was_not_tested() -> None:
    found = read(ROOT / ".github/workflows/release.yml")
    needs = {
        name: {job.get("needs", ())} if isinstance(job.get("needs"), str) else set(job.get("needs", ()))
        for name, job in found["jobs"].items()
    }
    assert found["on"] == {"push": {"tags": ["v*"]}}

    def after(name: str) -> set[str]:
        return needs[name].union(*map(after, needs[name]))

    assert [name for name in needs if name != "test" and "test" not in after(name)] == []
    assert {"wheel", "images"} <= after("publish")


def test_every_action_is_pinned_by_its_commit() -> None:
    used = [step["uses"] for step in steps() if "uses" in step]
    assert used
    assert [action for action in used if not PINNED.fullmatch(action)] == []


def test_every_job_ends_and_has_rights_of_its_own() -> None:
    for file in WORKFLOWS:
        assert read(file)["permissions"] == {}
    for name, job in jobs():
        assert 0 < job["timeout-minutes"] <= 120, name
        assert job["permissions"], name


def test_every_target_that_is_made_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    made = {target for step in steps() for target in re.findall(r"\bmake (?:--silent )?([a-z-]+)", step.get("run", ""))}
    assert {"test", "dist", "images", "publish", "version"} <= made <= targets


def test_every_image_is_built_tried_pushed_and_tagged() -> None:
    loops = [step["run"] for step in steps() if "for image in" in step.get("run", "")]
    assert len(loops) == 3
    assert all(f"for image in {GATEWAY} {SERVER} {SENSOR}; do" in run for run in loops)


def test_the_makefile_knows_the_version() -> None:
    found = re.search(r'^__version__ = "(.*)"', (ROOT / "src/headwater/__init__.py").read_text(), re.MULTILINE)
    assert found is not None
    assert found[1] == headwater.__version__
    assert "s/^__version__ = " in (ROOT / "Makefile").read_text()
