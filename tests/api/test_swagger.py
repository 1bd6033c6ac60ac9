"""The page that describes the API to people: whole without internet, and of a version that it can read."""

import re
from typing import Any

import httpx
import pytest

from headwater.api.swagger import as_3_0
from tests.api.test_every_endpoint import is_problem

PAGE = "/v1/swagger-ui.html"


def test_the_page_and_all_it_loads_come_from_this_server(api: httpx.Client) -> None:
    page = api.get(PAGE)
    loaded = re.findall(r'(?:src|href)="([^"]+)"|url: "([^"]+)"', page.text)
    names = ["".join(each) for each in loaded]

    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert len(names) == 4
    assert not [name for name in names if "//" in name or name.startswith("/")]
    for name in names:
        answer = api.get(f"/v1/{name}")
        assert answer.status_code == 200, name
        assert len(answer.content) > 500
    assert "default-src 'self'" in page.headers["content-security-policy"]


def test_its_document_says_the_same_in_the_version_it_can_read(api: httpx.Client) -> None:
    lowered, described = api.get("/v1/v2/api-docs").json(), api.get("/v1/openapi.json").json()

    assert lowered["openapi"] == "3.0.3"
    assert {path: set(each) for path, each in lowered["paths"].items()} == {
        path: set(each) for path, each in described["paths"].items()
    }
    assert set(lowered["components"]["schemas"]) == set(described["components"]["schemas"])
    assert not [part for part in parts(lowered) if "const" in part or "prefixItems" in part]
    assert not [part for part in parts(lowered) if part.get("type") == "null"]
    arrays = [part for part in parts(lowered) if part.get("type") == "array"]
    assert all(isinstance(part.get("items"), dict) for part in arrays)


def parts(node: Any) -> list[dict[str, Any]]:
    """All objects of a document but those whose members are named by someone."""
    if isinstance(node, list):
        return [part for one in node for part in parts(one)]
    if not isinstance(node, dict):
        return []
    return [node, *(part for one in node.values() for part in parts(one))]


def test_null_becomes_a_property_of_the_type() -> None:
    one = {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None}
    some = {"anyOf": [{"type": "integer"}, {"$ref": "#/x"}, {"type": "null"}]}

    assert as_3_0({"a": one, "b": some}) == {
        "a": {"type": "integer", "nullable": True, "default": None},
        "b": {"anyOf": [{"type": "integer"}, {"$ref": "#/x"}], "nullable": True},
        "openapi": "3.0.3",
    }


@pytest.mark.parametrize("name", ["index.html", "..%2f..%2f__init__.py", "nothing"])
def test_no_other_file_is_served(api: httpx.Client, name: str) -> None:
    assert is_problem(api.get(f"/v1/swagger-ui/{name}"), 404)
    assert is_problem(api.post(PAGE), 405)
