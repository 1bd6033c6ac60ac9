"""The REST API as the checks ask it."""

import http.client
from typing import Any

import msgspec

from headwater.config.address import parse_address


class NoAnswer(Exception):
    """The API does not answer at present, or with something else than 200."""


class Rest:
    """Asks one API; a connection per question, for the process may be another one each time."""

    def __init__(self, listen: str, timeout_s: float = 10.0) -> None:
        self._host, self._port = parse_address(listen)
        self._timeout_s = timeout_s

    def get(self, path: str) -> Any:
        """The document at a path; NoAnswer."""
        return self._ask("GET", path, None)

    def post(self, path: str, question: object) -> Any:
        """The answer to a question; NoAnswer."""
        return self._ask("POST", path, msgspec.json.encode(question))

    def _ask(self, method: str, path: str, body: bytes | None) -> Any:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        try:
            connection.request(method, path, body, {"content-type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(f"{method} {path}: {error}") from error
        finally:
            connection.close()
        if answer.status != 200:
            raise NoAnswer(f"{method} {path}: {answer.status} {content[:300].decode('utf-8', 'replace')}")
        return msgspec.json.decode(content)
