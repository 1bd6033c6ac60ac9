"""Both clients, against the real API: every call answers, typed, and the same in both."""

import asyncio
import inspect
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import msgspec
import pytest

import headwater
from headwater.api import documents
from headwater.client import AsyncClient, Client, calls, results
from headwater.client.methods import Asked, Followed
from headwater.model.errors import NotFound, Rejected
from tests.api import grid
from tests.api.grid import METER, A, B, C, E, point

ASKED: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "topology": ((), {"detail": True}),
    "stats": ((), {"detail": True}),
    "health": ((), {}),
    "health_events": (("gatewayB",), {"page_size": 2}),
    "newest": (("000004",), {"detail": True}),
    "points_of": (("000004",), {"page_size": 2}),
    "trace": ((str(point(E, 4)),), {}),
    "walk": ((str(point(A, 1)),), {"forward": True}),
    "file": ((str(point(E, 4)),), {"structure": "linear"}),
    "folded": ((str(point(E, 4)),), {"forward": False, "depth": 3}),
    "neighbours": ((str(point(E, 4)),), {"first": 0, "last": 5}),
    "points": (([str(point(E, 1)), str(point(9, 9))],), {"detail": True}),
    "lineages": (([str(point(E, 1)), str(point(9, 9))],), {"detail": True}),
    "find": ((), {"meter": METER, "page_size": 1, "values": True}),
    "find_page": ((), {"node": "gatewayC", "most": 5}),
    "losses": (("endpoint",), {}),
    "alarms": ((), {}),
    "periods": ((), {"page_size": 1}),
    "expired": ((), {}),
    "query": (("SELECT id FROM provenance ORDER BY id",), {"rows": 3, "id": "mine"}),
    "query_file": (("SELECT id FROM provenance ORDER BY id", "csv"), {"stream": True}),
    "queries": ((), {}),
    "pql": (("select * from provenance",), {}),
    "reports": ((), {}),
    "report": (("throughput.json",), {}),
    "totals": ((), {}),
    "alive": ((), {}),
    "ready": ((), {}),
    "openapi": ((), {}),
}
STREAMS = {name for name, method in vars(Client).items() if isinstance(method, Followed)}
CQL = {"cql", "cql_tables"}  # tests/api/test_cql.py has the store that they need.


def test_the_package_offers_both_when_they_are_named() -> None:
    assert (headwater.Client, headwater.AsyncClient) == (Client, AsyncClient)
    with pytest.raises(AttributeError, match="no attribute 'Cleint'"):
        headwater.__getattr__("Cleint")


def test_every_call_is_a_method_of_both_and_is_tried_here() -> None:
    described = {
        name
        for name, one in vars(calls).items()
        if inspect.isfunction(one) and one.__module__ == calls.__name__ and not name.startswith("_")
    } - {"posted", "reading"}
    for client in (Client, AsyncClient):
        assert {name for name in vars(client) if name in described} == described
    assert set(ASKED) | STREAMS | {"cancel", "forget"} | CQL == described
    assert inspect.getattr_static(Client, "topology").__doc__ == calls.topology.__doc__
    assert isinstance(inspect.getattr_static(Client, "topology"), Asked)


def test_every_endpoint_has_a_call(api: httpx.Client) -> None:
    made = [getattr(calls, name)(*arguments, **named) for name, (arguments, named) in ASKED.items()]
    made = [one.first if isinstance(one, calls.Pages) else one for one in made]
    asked = {(one.method, one.path.partition("?")[0]) for one in [*made, calls.cancel("x"), calls.forget("x")]}
    asked |= {("GET", getattr(calls, name)().path) for name in STREAMS}
    for path, operations in calls.reading(dict[str, Any])(api.get("/v1/openapi.json").content)["paths"].items():
        shape = re.compile(re.sub(r"\{\w+\}", "[^/]+", path))
        for verb in operations:
            assert [one for method, one in asked if method == verb.upper() and shape.fullmatch(one)], f"{verb} {path}"


def plain(answer: object) -> object:
    return list(answer) if isinstance(answer, Iterator) else answer


async def plain_later(answer: Any) -> object:
    return [one async for one in answer] if isinstance(answer, AsyncIterator) else await answer


@pytest.mark.parametrize("name", ASKED)
def test_a_call_answers_the_same_in_both(api: httpx.Client, name: str) -> None:
    arguments, named = ASKED[name]

    async def later() -> object:
        async with AsyncClient(str(api.base_url)) as client:
            return await plain_later(getattr(client, name)(*arguments, **named))

    with Client(str(api.base_url)) as client:
        answer = plain(getattr(client, name)(*arguments, **named))
    assert answer == asyncio.run(later())
    assert answer or name in ("alarms", "expired", "queries")


def test_answers_are_values(api: httpx.Client) -> None:
    with Client(str(api.base_url)) as client:
        average = client.trace(str(point(E, 4)))
        assert average.number == 0.75
        made = average.input_datapoints[0].dp
        assert {one.contribution for one in made.input_datapoints} == {"average"}
        assert [one.id for one in client.find(metric=grid.METRIC, page_size=3)] == [
            str(point(A, position)) for position in (3, 2, 1, 0)
        ]
        odd = [one.number for one in client.find(metric=grid.METRIC, values=True, newest_first=False)]
        assert (odd[0], str(odd[2]), odd[3]) == (1.5, "nan", -float("inf"))
        assert [one.id for one in client.points_of("00000b", page_size=1)] == [str(point(B, 1)), str(point(B, 0))]
        assert client.find_page(node="gatewayC", most=5).unchecked == {"unreachable": 2}
        assert client.newest(f"{C:06x}", 1)[0].context.host_id == "000003"


def test_errors_are_ours_with_the_sentence_of_the_server(api: httpx.Client) -> None:
    with Client(str(api.base_url)) as client:
        with pytest.raises(NotFound, match=r"No provenance is available\."):
            client.trace(str(point(9, 9)))
        with pytest.raises(Rejected, match="nobody") as caught:
            client.find_page(node="nobody")
        assert caught.value.reason == "node"


def test_a_query_is_cancelled_by_its_id(api: httpx.Client) -> None:
    endless = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t"

    async def run() -> None:
        async with AsyncClient(str(api.base_url)) as client:
            asking = asyncio.ensure_future(client.query(endless, id="endless"))
            while "endless" not in [each.id for each in await client.queries()]:
                await asyncio.sleep(0)
            await client.cancel("endless")
            with pytest.raises(Rejected, match="cancelled"):
                await asking
            with pytest.raises(NotFound):
                await client.cancel("endless")

    asyncio.run(run())


def test_results_have_every_field_of_the_documents() -> None:
    for name, document in vars(documents).items():
        if not isinstance(document, type) or not issubclass(document, msgspec.Struct):
            continue
        if name in ("LineageQuestion", "PointsQuestion", "PqlQuestion", "Problem", "SqlQuestion", "CqlQuestion"):
            continue
        result = getattr(results, name)
        assert set(result.__struct_encode_fields__) == set(document.__struct_encode_fields__), name
        assert result.__struct_config__.frozen
