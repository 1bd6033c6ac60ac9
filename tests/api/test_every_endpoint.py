"""What holds for every endpoint under /v1, whatever it is about."""

import json
from collections.abc import Callable, Iterator
from typing import cast

import httpx
import pytest

from headwater.store.port import Reader
from tests.api import grid
from tests.api.grid import E, point
from tests.api.served import served

ID = str(point(E, 0))
GET = (
    "/v1/cluster/topology",
    "/v1/cluster/stats",
    "/v1/cluster/000004/provenance?size=1",
    f"/v1/provenance/{ID}?structure=linear",
    f"/v1/provenance/{ID}/static?structure=linear",
    f"/v1/provenance/{ID}/forward?structure=linear",
    f"/v1/folded/{ID}",
    f"/v1/folded/{ID}/neighbours",
    "/v1/find",
    "/v1/losses",
    "/v1/alarms",
    "/v1/totals",
    "/v1/periods",
    "/v1/expired",
)
OURS = (
    "/forward",
    *(path for path in GET if not path.startswith(("/v1/cluster", "/v1/prov"))),
    "/v1/lineage",
    "/v1/points",
)
"""What 2018 did not have."""
ALL = (*(("GET", path) for path in GET), ("POST", "/v1/lineage"), ("POST", "/v1/points"))
BODY = json.dumps({"ids": [ID]})


class Broken:
    """Stands for a reader with a defect in every answer."""

    def __getattr__(self, name: str) -> Callable[..., object]:
        def fail(*_: object) -> object:
            if name != "close":
                raise RuntimeError("/secret/path")
            return None

        return fail


@pytest.fixture(scope="module")
def broken() -> Iterator[httpx.Client]:
    with served(lambda: cast(Reader, Broken()), lambda: grid.NOW_MS) as client:
        yield client


@pytest.fixture(scope="module")
def storeless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("nothing")
    with served(lambda: grid.open_reader(folder), lambda: grid.NOW_MS) as client:
        yield client


def is_problem(answer: httpx.Response, status: int) -> bool:
    body = answer.json()
    return (
        answer.status_code == body["status"] == status
        and answer.headers["content-type"] == "application/problem+json"
        and set(body) <= {"type", "title", "status", "detail"}
        and bool(body["type"] and body["title"])
    )


@pytest.mark.parametrize(("method", "path"), ALL)
def test_it_answers_json(api: httpx.Client, method: str, path: str) -> None:
    answer = api.request(method, path, content=BODY)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    answer.json()


@pytest.mark.parametrize(("method", "path"), ALL)
def test_another_method_is_a_problem_that_names_the_right_one(api: httpx.Client, method: str, path: str) -> None:
    for other in ("PUT", "DELETE", "PATCH", "OPTIONS", "POST" if method == "GET" else "GET"):
        answer = api.request(other, path)

        assert is_problem(answer, 405)
        assert answer.headers["allow"] == method


@pytest.mark.parametrize(("method", "path"), ALL)
def test_a_path_below_it_is_a_problem(api: httpx.Client, method: str, path: str) -> None:
    for below in ("/nothing/here", "/%2e%2e"):
        assert is_problem(api.request(method, path.split("?", maxsplit=1)[0] + below), 404)


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/", "/v2/cluster/topology", "/v1/cluster"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_path_is_a_problem(api: httpx.Client, method: str, path: str) -> None:
    assert is_problem(api.request(method, path, follow_redirects=True), 404)


@pytest.mark.parametrize(("method", "path"), ALL)
def test_without_a_store_it_is_a_problem_to_try_again(storeless: httpx.Client, method: str, path: str) -> None:
    answer = storeless.request(method, path, content=BODY)

    assert is_problem(answer, 503)
    assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize("path", ["/v1/live/stamps", "/v1/live/rates"])
def test_without_a_store_nothing_can_be_followed(storeless: httpx.Client, path: str) -> None:
    assert is_problem(storeless.get(path), 503)
    assert is_problem(storeless.post(path), 405)


@pytest.mark.parametrize(("method", "path"), ALL)
def test_a_defect_is_told_without_what_is_inside(broken: httpx.Client, method: str, path: str) -> None:
    answer = broken.request(method, path, content=BODY)

    assert "secret" not in answer.text
    if path.split("?", maxsplit=1)[0].endswith(OURS):
        assert is_problem(answer, 500)
    else:
        assert answer.status_code == 500
        assert isinstance(answer.json(), str)


@pytest.mark.parametrize("path", [path for path in GET if path.startswith(("/v1/cluster", "/v1/prov"))])
def test_a_detail_that_is_neither_true_nor_false_is_a_problem(api: httpx.Client, path: str) -> None:
    answer = api.get(path + ("&" if "?" in path else "?") + "detail=yes")

    assert is_problem(answer, 400)
    assert "detail = 'yes'" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/v1/losses?size=1001", "size = '1001'"),
        ("/v1/losses?size=x", "size = 'x'"),
        ("/v1/losses?node=4", "'4' is not a node id"),
        ("/v1/alarms?size=-1", "size = '-1'"),
        ("/v1/find?from=yesterday", "from = 'yesterday'"),
        ("/v1/find?min=nan", "min = 'nan'"),
        ("/v1/find?order=up", "order = 'up': newest or oldest is needed"),
        ("/v1/find?node=nobody", "no node that is known is called so"),
    ],
)
def test_a_parameter_of_ours_that_is_wrong_is_a_problem(api: httpx.Client, path: str, says: str) -> None:
    answer = api.get(path)

    assert is_problem(answer, 400)
    assert says in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/v1/find?metre=m1", "there is no parameter 'metre' here; did you mean 'meter'?"),
        ("/v1/losses?x=1&size=1", "there is no parameter 'x' here; there are cursor, node, size"),
        (f"/v1/provenance/{ID}/forward?structure=linear&details=true", "did you mean 'detail'?"),
    ],
)
def test_a_parameter_that_is_not_known_is_refused_with_what_was_meant(api: httpx.Client, path: str, told: str) -> None:
    answer = api.get(path)
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:headwater:problem:parameter")
    assert answer.json()["detail"].endswith(told)


def test_paths_of_2018_pass_over_parameters_that_they_do_not_know(api: httpx.Client) -> None:
    for path in GET:
        if path not in OURS and not path.endswith("/forward?structure=linear"):
            more = "&" if "?" in path else "?"
            assert api.get(f"{path}{more}_=1").status_code == api.get(path).status_code == 200
