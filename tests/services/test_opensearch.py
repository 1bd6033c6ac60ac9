"""A real OpenSearch: what is indexed is found by words, by place and by range, and is gone when it is deleted."""

import json
import urllib.request
from typing import Any

import pytest

from tests.services.shared import Addresses

FIELDS = {"text": {"type": "text"}, "place": {"type": "geo_point"}, "taken": {"type": "date"}}
NEAR_BERLIN = {"geo_distance": {"distance": "20km", "place": {"lat": 52.5, "lon": 13.4}}}


def ask(address: str, method: str, path: str, body: object = None) -> Any:
    """A JSON answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"http://{address}/{path}", data, {"Content-Type": "application/json"}, method=method
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


@pytest.mark.timeout(300)
def test_what_is_indexed_is_found_and_gone_when_it_is_deleted(opensearch: Addresses) -> None:
    address = opensearch["http"]
    ask(address, "PUT", "objects", {"mappings": {"properties": FIELDS}})
    boiler = {"text": "boiler of the north wing", "place": {"lat": 52.51, "lon": 13.32}, "taken": "2026-11-01"}
    pump = {"text": "pump of the north wing", "place": {"lat": 48.1, "lon": 11.5}, "taken": "2026-11-02"}
    ask(address, "PUT", "objects/_doc/1", boiler)
    ask(address, "PUT", "objects/_doc/2?refresh=true", pump)

    def found(*filters: object) -> list[str]:
        answer = ask(address, "POST", "objects/_search", {"query": {"bool": {"must": filters}}})
        return sorted(hit["_id"] for hit in answer["hits"]["hits"])

    assert found({"match": {"text": "north"}}) == ["1", "2"]
    assert found({"match": {"text": "north"}}, NEAR_BERLIN) == ["1"]
    assert found({"range": {"taken": {"gt": "2026-11-01"}}}) == ["2"]
    ask(address, "POST", "objects/_delete_by_query?refresh=true", {"query": {"match": {"text": "boiler"}}})
    assert found({"match": {"text": "north"}}) == ["2"]
    ask(address, "DELETE", "objects")
