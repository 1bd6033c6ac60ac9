"""The client that blocks, against a server that answers what it is told to."""

from collections.abc import Iterator

import pytest

from headwater.client import Client, Retries
from headwater.client.calls import Call, reading
from headwater.model.errors import ConfigError, HeadwaterError, NotFound, Rejected, Unavailable
from tests.client.scripted import Answer, Scripted, scripted

PROBLEM = (
    b'{"type": "urn:headwater:problem:too-large", "title": "Too large", "status": 400, "detail": "It is too large."}'
)
ANSWERS = {
    "/v1/absent": Answer(404, b"No provenance is available."),
    "/v1/silent": Answer(404, b""),
    "/v1/wrong": Answer(400, b'"Invalid node id."'),
    "/v1/large": Answer(400, PROBLEM),
    "/v1/broken": Answer(500, b'"it broke"'),
    "/v1/busy": Answer(503, b'{"title": "Later", "detail": "the store is away"}'),
    "/v1/page": Answer(200, b"<html>"),
    "/v1/deep": Answer(200, b"[" * 100_000),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Scripted]:
    with scripted({path: [answer] for path, answer in ANSWERS.items()}) as server:
        yield server


def asked(server: Scripted, path: str) -> bytes:
    with Client(server.url, retries=Retries(times=0)) as client:
        return client.ask(Call(path, bytes))


@pytest.mark.parametrize(
    ("path", "kind", "sentence"),
    [
        ("/v1/absent", NotFound, "No provenance is available."),
        ("/v1/silent", NotFound, "status 404"),
        ("/v1/wrong", Rejected, "400: Invalid node id."),
        ("/v1/large", Rejected, "too-large: It is too large."),
        ("/v1/broken", HeadwaterError, "the server failed with status 500: it broke"),
        ("/v1/busy", Unavailable, "the server cannot answer now: the store is away"),
    ],
)
def test_a_refusal_says_what_the_server_said(
    server: Scripted, path: str, kind: type[HeadwaterError], sentence: str
) -> None:
    with pytest.raises(HeadwaterError) as caught:
        asked(server, path)
    assert type(caught.value) is kind
    assert str(caught.value) == sentence


@pytest.mark.parametrize("path", ["/v1/page", "/v1/deep"])
def test_a_body_of_somebody_else_is_told(server: Scripted, path: str) -> None:
    with Client(server.url) as client, pytest.raises(HeadwaterError, match=r"not one of a Headwater server|too deep"):
        client.ask(Call(path, reading(list[object])))


def test_a_server_that_is_not_there_is_named() -> None:
    with scripted({}) as gone:
        url = gone.url
    with (
        Client(url, retries=Retries(times=0)) as client,
        pytest.raises(Unavailable, match=f"no server answers at {url}"),
    ):
        client.totals()


def test_a_server_that_is_away_for_a_while_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    busy = Answer(503, b"", (("Retry-After", "2"),))
    waits: list[float] = []
    answers = [busy, busy, Answer(200, b'{"status": "alive", "version": "1"}')]
    retries = Retries(3, first_s=0.5, most_s=9)
    with scripted({"/healthz": answers}) as server, Client(server.url, retries=retries, sleep=waits.append) as client:
        assert client.alive().status == "alive"
    assert waits == [2.0, 2.0]


def test_asking_again_ends(server: Scripted) -> None:
    waits: list[float] = []
    retries = Retries(4, first_s=1, most_s=3)
    with Client(server.url, retries=retries, sleep=waits.append) as client, pytest.raises(Unavailable):
        client.ask(Call("/v1/busy", bytes))
    assert len(waits) == 4
    assert all(low <= wait <= high for wait, low, high in zip(waits, (0.5, 1, 2, 3), (1, 2, 3, 3), strict=True))


def test_a_refusal_is_not_asked_again() -> None:
    with scripted({"/v1/totals": [Answer(400, b'"no"')]}) as server, Client(server.url) as client:
        with pytest.raises(Rejected):
            client.totals()
        assert len(server.asked) == 1


def test_a_stream_goes_on_behind_its_last_event_when_it_broke() -> None:
    missed = b'event: missed\ndata: {"events": %d}\n'
    stream = (("Content-Type", "text/event-stream"),)
    answers = [
        Answer(200, b": hello\n\nid: 1-1\n" + missed % 1 + b"\nid: 1-2\n" + missed % 2 + b"\nid: 1-3\n", stream, False),
        Answer(200, b"id: 1-3\nevent: other\ndata: 5\n\nid: 1-4\n" + missed % 4 + b"\n", stream),
        Answer(503),
    ]
    waits: list[float] = []
    with scripted({"/v1/live/rates": answers}) as server:
        with Client(server.url, retries=Retries(2), sleep=waits.append) as client:
            events = client.live_rates()
            assert [getattr(next(events), "events", None) for _ in range(3)] == [1, 2, 4]
            with pytest.raises(Unavailable):
                next(events)
        assert [headers.get("last-event-id") for _, headers in server.asked[:3]] == [None, "1-2", "1-4"]
    assert len(waits) == 3


@pytest.mark.parametrize("given", ["h:1", "http://h:1", "http://h:1/", "http://h:1/v1", "h:1/v1/"])
def test_a_server_may_be_named_in_short(given: str) -> None:
    with Client(given) as client:
        assert client.base == "http://h:1"


@pytest.mark.parametrize("given", ["", "ftp://h:1", "http://h:1/else", "h h"])
def test_what_is_no_server_is_refused(given: str) -> None:
    with pytest.raises(ConfigError, match="is not the URL of a server"):
        Client(given)
