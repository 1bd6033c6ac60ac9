"""Routes that refuse a query parameter they do not know: a filter with a slip in its name would find everything."""

from collections.abc import Callable, Coroutine
from difflib import get_close_matches
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from headwater.api.contract import is_2018
from headwater.model.errors import Rejected


class StrictRoute(APIRoute):
    """Knows the parameters that its description names; where it names none, and on paths of 2018, any will do."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        described = (self.openapi_extra or {}).get("parameters", ())
        known = sorted(parameter["name"] for parameter in described if parameter["in"] == "query")
        if not known or is_2018(self.path):
            return handle

        async def checked(request: Request) -> Response:
            for name in request.query_params:
                if name not in known:
                    raise Rejected("parameter", f"there is no parameter {name[:40]!r} here; {_meant(name, known)}")
            return await handle(request)

        return checked


def _meant(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
