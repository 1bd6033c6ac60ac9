"""`headwater health`: asks processes whether they serve, for the probes of containers and of other supervisors."""

import http.client
from urllib.parse import urlsplit

from headwater.cli.arguments import Parser
from headwater.config.address import parse_address
from headwater.model.errors import ConfigError, Unavailable

TIMEOUT_S = 5.0
HTTP = ("http://", "https://")
ANSWER_BYTES_MAX = 1 << 16


def main(arguments: list[str]) -> int:
    """Ask; 0 when all serve, Unavailable names the first that does not."""
    given = parser().given(arguments)
    places, timeout_s = given["places"], float(str(given.get("timeout", TIMEOUT_S)))
    assert isinstance(places, list)
    for place in places:
        check(str(place), timeout_s)
    return 0


def parser() -> Parser:
    """What `headwater health` understands."""
    made = Parser(
        "health",
        "Asks processes whether they serve. At HOST:PORT a gateway, an agent or the store is asked over gRPC "
        "(grpc.health.v1), at a URL anything that answers 200 over HTTP: of the server /healthz, and /readyz once its "
        "store can be read. Nothing is said when all serve.",
        "headwater health [options] PLACE...",
        """examples:
  headwater health 127.0.0.1:50051
  headwater health 127.0.0.1:5001 http://127.0.0.1:5000/readyz""",
    )
    made.add_argument("places", nargs="+", metavar="PLACE", help="HOST:PORT, or a URL")
    made.option("--timeout", type=float, metavar="SECONDS", help=f"how long each may take to answer ({TIMEOUT_S:g})")
    return made


def check(place: str, timeout_s: float) -> None:
    """Unavailable unless the process at a place says that it serves; ConfigError when that is no place."""
    if place.startswith(HTTP):
        problem = _http_problem(place, timeout_s)
    else:
        try:
            parse_address(place)
        except ValueError as error:
            raise ConfigError(f"{error}, or a URL that begins with http://") from None
        problem = _grpc_problem(place, timeout_s)
    if problem:
        raise Unavailable(f"{place} does not serve: {problem}")


def _grpc_problem(address: str, timeout_s: float) -> str:
    import grpc

    from headwater.wire.serving import is_serving

    try:
        return "" if is_serving(address, timeout_s) else "it says so"
    except grpc.RpcError as error:
        return f"{error.code().name.lower()}: {error.details()}" if isinstance(error, grpc.Call) else str(error)


def _http_problem(url: str, timeout_s: float) -> str:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=timeout_s)
    except ValueError as error:
        raise ConfigError(f"{url} is no URL: {error}") from None
    try:
        connection.request("GET", parts.path or "/")
        answer = connection.getresponse()
        answer.read(ANSWER_BYTES_MAX)
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()
    return "" if answer.status == http.client.OK else f"it answers {answer.status}"
