"""The reference pages: every command, option, endpoint, field and configuration key is there, as the code has it.

What is missing is told in a sentence; `make reference` writes the tables anew.
"""

import re
from pathlib import Path

import pytest

from headwater.capture import configuration
from scripts import reference_api, reference_config
from scripts.generate_reference import PARTS, page_faults, written

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("page", PARTS)
def test_everything_has_its_place_on_the_page(page: str) -> None:
    assert not page_faults(page)


@pytest.mark.parametrize("page", PARTS)
def test_the_page_says_what_the_code_says(page: str) -> None:
    fresh = written(page) == (ROOT / page).read_text()
    assert fresh, f"{page} is not as the code is: run make reference, and commit what it writes"


def test_every_endpoint_that_answers_is_described() -> None:
    described = {path for _, path, _ in reference_api.operations()}
    in_code = {
        path
        for file in (ROOT / "src/headwater/api").glob("*.py")
        for path in re.findall(r'@app\.(?:get|post|put|delete)\(\s*f?"(/[^"]*)"', file.read_text())
    }
    page = (ROOT / "docs/api.md").read_text()
    missing = sorted(path for path in in_code - described if path.partition("{")[0] not in page)
    assert not missing, f"answered, and neither in the OpenAPI document nor named on docs/api.md: {missing}"


def test_every_step_and_table_of_a_topology_has_its_section() -> None:
    page = (ROOT / "docs/configuration.md").read_text()
    assert {struct.__name__ for struct in reference_config.tables()} <= set(re.findall(r"generated: (\w+) -->", page))


def test_every_environment_variable_is_on_a_page() -> None:
    pages = "".join(page.read_text() for page in (ROOT / "docs").glob("*.md"))
    sources = "".join(file.read_text() for file in (ROOT / "src").rglob("*.py"))
    # Processes of Headwater's own hand this one to each other.
    named = set(re.findall(r'"(HEADWATER_[A-Z_]+)"', sources)) - {"HEADWATER_PARENT_PIPE"}
    missing = [name for name in named if name not in pages]
    assert not missing, f"no page in docs/ names the environment variable {missing}"


def test_every_key_of_2018_is_on_its_page() -> None:
    page = (ROOT / "docs/2018.md").read_text()
    missing = [key for key in configuration.KEYS if f"`{key}`" not in page]
    assert not missing, f"docs/2018.md does not name {missing}"
