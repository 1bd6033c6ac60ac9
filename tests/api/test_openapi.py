"""The description at /v1/openapi.json: it names every path, and its schemas hold for what is really answered."""

from typing import Any

import httpx
import pytest

from tests.api.grid import C, E, point

ANSWERED = {
    "/v1/cluster/topology": "/v1/cluster/topology?detail=true",
    "/v1/cluster/stats": "/v1/cluster/stats?detail=true",
    "/v1/cluster/{nodeId}/provenance": "/v1/cluster/000004/provenance?size=9&detail=true",
    "/v1/provenance/{id}": f"/v1/provenance/{point(E, 9)}?structure=recursive&detail=true",
    "/v1/provenance/{id}/static": f"/v1/provenance/{point(C, 4)}/static?structure=linear",
    "/v1/provenance/{id}/forward": f"/v1/provenance/{point(C, 1)}/forward?structure=linear&detail=true",
    "/v1/folded/{id}": f"/v1/folded/{point(E, 9)}?fan=1",
    "/v1/folded/{id}/neighbours": f"/v1/folded/{point(C, 4)}/neighbours",
    "/v1/find": "/v1/find?detail=true&max=1.5",
    "/v1/query": "/v1/query",
    "/v1/cluster/health": "/v1/cluster/health",
    "/v1/cluster/events": "/v1/cluster/events?size=3",
    "/v1/losses": "/v1/losses",
    "/v1/alarms": "/v1/alarms",
    "/v1/reports": "/v1/reports",
    "/v1/reports/{name}": "/v1/reports/throughput.json",
    "/v1/totals": "/v1/totals",
    "/v1/periods": "/v1/periods",
    "/v1/expired": "/v1/expired",
    "/healthz": "/healthz",
    "/readyz": "/readyz",
}


@pytest.fixture(scope="module")
def description(api: httpx.Client) -> dict[str, Any]:
    described: dict[str, Any] = api.get("/v1/openapi.json").json()
    return described


def test_every_path_is_described_and_no_page_needs_a_content_network(
    api: httpx.Client, description: dict[str, Any]
) -> None:
    posted = ("/v1/lineage", "/v1/points", "/v1/provenance", "/v1/query/{id}")
    streams = ("/v1/live/stamps", "/v1/live/rates", "/v1/live/health")
    assert set(description["paths"]) == {*ANSWERED, *posted, *streams}
    assert [api.get(path).status_code for path in ("/docs", "/redoc")] == [404, 404]


def test_every_schema_that_is_referred_to_is_there(description: dict[str, Any]) -> None:
    schemas = description["components"]["schemas"]

    assert _references(description) == {f"#/components/schemas/{name}" for name in schemas}


@pytest.mark.parametrize("path", ANSWERED)
def test_answers_are_as_described(api: httpx.Client, description: dict[str, Any], path: str) -> None:
    responses = description["paths"][path]["get"]["responses"]
    schema = responses["200"]["content"]["application/json"]["schema"]

    assert _fault(api.get(ANSWERED[path]).json(), schema, description) is None


def test_required_parameters_are_said_to_be_required(description: dict[str, Any]) -> None:
    required = {
        path: {one["name"] for one in operation["get"].get("parameters", ()) if one["required"]}
        for path, operation in description["paths"].items()
        if "get" in operation
    }

    assert {path: names for path, names in required.items() if names} == {
        "/v1/cluster/{nodeId}/provenance": {"nodeId", "size"},
        "/v1/folded/{id}": {"id"},
        "/v1/folded/{id}/neighbours": {"id"},
        "/v1/provenance/{id}": {"id", "structure"},
        "/v1/provenance/{id}/static": {"id", "structure"},
        "/v1/provenance/{id}/forward": {"id", "structure"},
        "/v1/reports/{name}": {"name"},
    }


def _references(node: Any) -> set[str]:
    if isinstance(node, list):
        return set().union(*map(_references, node))
    if not isinstance(node, dict):
        return set()
    own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
    return own.union(*map(_references, node.values()))


_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}


def _fault(value: Any, schema: dict[str, Any], description: dict[str, Any]) -> str | None:
    """Where a value is not as its schema says, for the keywords that the description uses."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return _fault(value, description["components"]["schemas"][name], description)
    if "anyOf" in schema:
        faults = [_fault(value, one, description) for one in schema["anyOf"]]
        return None if None in faults else "; ".join(map(str, faults))
    if "enum" in schema and "type" not in schema:
        return None if value in schema["enum"] else f"{value!r} is not in {schema['enum']}"
    if not isinstance(value, _TYPES[schema["type"]]):
        return f"{value!r} is no {schema['type']}"
    if isinstance(value, list):
        items = schema.get("items") or {}
        return next(filter(None, (_fault(one, items, description) for one in value if items)), None)
    return _object_fault(value, schema, description) if isinstance(value, dict) else None


def _object_fault(value: dict[str, Any], schema: dict[str, Any], description: dict[str, Any]) -> str | None:
    if schema == {"type": "object"}:
        return None  # Any object will do.
    named = schema.get("properties", {})
    rest = schema.get("additionalProperties")
    missing = set(schema.get("required", ())) - set(value)
    unknown = set() if rest else set(value) - set(named)
    if missing or unknown:
        return f"missing {missing}, unknown {unknown}"
    faults = (_fault(one, named.get(name, rest), description) for name, one in value.items())
    return next(filter(None, faults), None)
