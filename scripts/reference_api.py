"""The parts of `docs/api.md`: every endpoint with its parameters and answers, and every document."""

from pathlib import Path
from typing import Any

import msgspec

from headwater.api.app import create_app
from headwater.api.documents import answers, cluster, folded, health, lineage, live, points, query, store
from headwater.api.options import ApiOptions
from headwater.api.readings import NoReadings
from headwater.health.chaos import documents as chaos
from headwater.model.errors import Unavailable
from headwater.store.cassandra.options import CassandraOptions
from headwater.store.port import Reader
from scripts.reference_types import fields, table

VERBS = ("get", "post", "put", "delete", "patch")


def parts() -> dict[str, str]:
    """`endpoints` and `documents`."""
    return {"endpoints": _endpoints(), "documents": _documents()}


def description() -> dict[str, Any]:
    """The OpenAPI document of the application."""

    def no_store() -> Reader:
        raise Unavailable("there is no store")

    app = create_app(
        no_store,
        NoReadings(),
        lambda: 0,
        "0",
        ApiOptions(folder=str(Path("store")), ingest="ingest", control="control", store=CassandraOptions()),
    )
    described: dict[str, Any] = app.openapi()
    return described


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    """(verb, path, operation) of every endpoint."""
    return [
        (verb.upper(), path, operation)
        for path, described in sorted(description()["paths"].items())
        for verb, operation in described.items()
        if verb in VERBS
    ]


def _endpoints() -> str:
    return "\n".join(_endpoint(*operation) for operation in operations())


def _endpoint(verb: str, path: str, operation: dict[str, Any]) -> str:
    text = f"### `{verb} {path}`\n{operation['summary']}.\n\n"
    if body := operation.get("requestBody"):
        text += f"Body: {_content(body['content'])}.\n\n"
    rows = [
        (f"`{one['name']}`", one["in"], _shape(one["schema"]), "needed" if one["required"] else "", one["description"])
        for one in operation.get("parameters", ())
    ]
    if rows:
        text += table(("parameter", "in", "type", "", ""), rows) + "\n"
    answers = [
        (status, answer["description"], _content(answer.get("content", {})))
        for status, answer in operation["responses"].items()
    ]
    return text + table(("status", "meaning", "body"), answers)


def _content(content: dict[str, Any]) -> str:
    said = []
    for media, described in content.items():
        shape = _shape(described.get("schema", {}))
        events = [f"`{kind}`: {_shape(schema)}" for kind, schema in described.get("x-events", {}).items()]
        said.append(f"{', '.join(events) or shape} as `{media}`" if shape else f"`{media}`")
    return "; ".join(said)


def _shape(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(map(_shape, schema["anyOf"])))
    if "enum" in schema:
        return ", ".join(f"`{word}`" for word in schema["enum"]) + _default(schema)
    if schema.get("type") == "array":
        return f"list of {_shape(schema.get('items', {}))}"
    bounds = [f"{schema['minimum']} to {schema['maximum']}"] if "minimum" in schema and "maximum" in schema else []
    return ", ".join([str(schema.get("type", "")), *bounds]) + _default(schema)


def _default(schema: dict[str, Any]) -> str:
    return f" ({str(schema['default']).lower()})" if "default" in schema else ""


def _documents() -> str:
    shown = [
        one
        for module in (points, cluster, health, lineage, folded, store, live, query, answers, chaos)
        for one in vars(module).values()
        if isinstance(one, type) and one.__module__ == module.__name__
    ]
    return "\n".join(_document(one) for one in shown if issubclass(one, msgspec.Struct))


def _document(struct: type[msgspec.Struct]) -> str:
    about = " ".join((struct.__doc__ or "").split())
    rows = [(f"`{field.name}`", field.type, field.sentence) for field in fields(struct)]
    return f"### {struct.__name__}\n{about}\n\n" + table(("field", "type", ""), rows)
