"""Requests made up from the OpenAPI document, by Schemathesis, against a real server: nothing answers what it does not
say. `make schemathesis` does the same longer."""

import os
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from headwater.api.app import create_app
from headwater.api.options import ApiOptions
from headwater.api.readings import NoReadings
from tests.api import grid
from tests.api.grid import C, E, point

LONG = "HEADWATER_SCHEMATHESIS_EXAMPLES"
"""The environment variable that asks for more examples, from a seed of pytest's own."""
EXAMPLES = int(os.environ.get(LONG, "4"))
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    unsupported_method,
]
KNOWN = {"id": str(point(E, 4)), "nodeId": f"{C:06x}", "name": "throughput.json"}
"""What the store holds, so that not only refusals are met."""
AS_SHORT = settings(
    max_examples=EXAMPLES, derandomize=LONG not in os.environ, database=None, suppress_health_check=list(HealthCheck)
)


def operations() -> dict[str, APIOperation[Any, Any, Any, Any]]:
    """The operations of the description by their name; streams have no end, so they are tested by themselves."""
    app = create_app(lambda: grid.open_reader(Path()), NoReadings(), lambda: 0, "1", ApiOptions())
    schema = schemathesis.openapi.from_dict(app.openapi())
    found = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    return {one.label: one for one in found if not one.path.startswith("/v1/live/")}


OPERATIONS = operations()
WITH_INPUT = [name for name, one in OPERATIONS.items() if len(one.query) or len(one.body)]


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_is_asked_as_described_is_answered_as_described(api: httpx.Client, name: str) -> None:
    operation = OPERATIONS[name]
    known = {each.name: KNOWN[each.name] for each in operation.path_parameters}
    cases = operation.as_strategy()
    _check(api, st.one_of(cases, operation.as_strategy(path_parameters=known)) if known else cases)


@pytest.mark.parametrize("name", WITH_INPUT)
def test_what_is_not_asked_as_described_is_refused_as_described(api: httpx.Client, name: str) -> None:
    _check(api, OPERATIONS[name].as_strategy(generation_mode=GenerationMode.NEGATIVE))


def _check(api: httpx.Client, cases: st.SearchStrategy[Case[Any]]) -> None:
    @AS_SHORT
    @given(case=cases)
    def check(case: Case[Any]) -> None:
        answer = case.call(base_url=str(api.base_url))
        # At 404 the system of 2018 says bare text, whatever its media type says.
        bare = answer.status_code == 404 and answer.headers["content-type"] == ["application/json"]
        case.validate_response(answer, checks=CHECKS if bare else [*CHECKS, response_schema_conformance])

    check()
