"""A client of the REST API, against a real HTTP server."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from headwater.cli.client import get, read, server_url
from headwater.model.errors import ConfigError, HeadwaterError, NotFound, Unavailable

ANSWERS = {
    "/v1/fine?x=1": (200, b'{"a": 1}'),
    "/v1/absent": (404, b"No provenance is available."),
    "/v1/wrong": (400, b'"Invalid node id."'),
    "/v1/large": (413, b'{"type": "about:blank", "title": "Too large", "status": 413, "detail": "It is too large."}'),
    "/v1/broken": (500, b'"it broke"'),
    "/v1/busy": (503, b'{"title": "Later", "detail": "the store is away"}'),
    "/v1/silent": (404, b""),
}


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body = ANSWERS[self.path]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def test_a_body_comes_as_it_is(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert get(server, "/v1/fine?x=1") == b'{"a": 1}'
    assert get(f"{server}/v1/", "/v1/fine?x=1") == b'{"a": 1}'


@pytest.mark.parametrize(
    ("path", "kind", "sentence"),
    [
        ("/v1/absent", NotFound, "No provenance is available."),
        ("/v1/silent", NotFound, "status 404"),
        ("/v1/wrong", ConfigError, "Invalid node id."),
        ("/v1/large", ConfigError, "It is too large."),
        ("/v1/broken", HeadwaterError, "the server failed with status 500: it broke"),
        ("/v1/busy", Unavailable, "the server cannot answer now: the store is away"),
    ],
)
def test_a_refusal_says_what_the_server_said(server: str, path: str, kind: type[HeadwaterError], sentence: str) -> None:
    with pytest.raises(HeadwaterError) as caught:
        get(server, path)
    assert type(caught.value) is kind
    assert str(caught.value) == sentence


def test_a_server_that_is_not_there_is_named() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as http:
        port = http.server_port
    with pytest.raises(Unavailable, match=rf"no server answers at http://127\.0\.0\.1:{port}: .*refused"):
        get(f"127.0.0.1:{port}", "/v1/fine")


@pytest.mark.parametrize("given", ["h:1", "http://h:1", "http://h:1/", "http://h:1/v1", "h:1/v1/"])
def test_a_server_may_be_named_in_short(given: str) -> None:
    assert server_url(given) == "http://h:1"


@pytest.mark.parametrize("given", ["", "ftp://h:1", "http://h:1/else", "h h"])
def test_what_is_no_server_is_refused(given: str) -> None:
    with pytest.raises(ConfigError, match="is not the URL of a server"):
        server_url(given)


def test_a_body_of_somebody_else_is_told() -> None:
    for body in (b"<html>", b'{"a": "text"}'):
        with pytest.raises(HeadwaterError, match="not one of a Headwater server"):
            read(body, dict[str, int])
