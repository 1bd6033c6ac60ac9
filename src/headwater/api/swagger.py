"""`/v1/swagger-ui.html`: the API described to people, all of it from this server, and its `/v1/v2/api-docs`."""

from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, Response

from headwater.api.answers import encode, json_answer
from headwater.api.problems import no_such_path

FILES = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
OPENAPI_VERSION = "3.0.3"
"""What the bundled page can read; `/v1/openapi.json` is of the version after it."""

_PAGE = b"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Headwater API</title>
<link rel="stylesheet" href="swagger-ui/swagger-ui.css">
<link rel="icon" type="image/png" href="swagger-ui/favicon-32x32.png" sizes="32x32">
</head>
<body>
<div id="swagger-ui"></div>
<script src="swagger-ui/swagger-ui-bundle.js"></script>
<script>
SwaggerUIBundle({url: "v2/api-docs", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null});
</script>
</body>
</html>
"""
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
)


def add_swagger(app: FastAPI) -> None:
    """Add the page, its files and its document."""

    @app.get("/v1/swagger-ui.html", include_in_schema=False)
    async def page(request: Request) -> Response:
        return Response(_PAGE, media_type="text/html; charset=utf-8", headers={"Content-Security-Policy": _POLICY})

    @app.get("/v1/swagger-ui/{name}", include_in_schema=False)
    async def file(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in FILES:
            return no_such_path(request)
        return FileResponse(_folder() / name, media_type=FILES[name])

    @app.get("/v1/v2/api-docs", include_in_schema=False)
    async def document(request: Request) -> Response:
        return json_answer(encode(as_3_0(app.openapi())))


def as_3_0(document: dict[str, Any]) -> dict[str, Any]:
    """An OpenAPI 3.1 document as version 3.0 says the same: no null type, constants, or tuples."""
    lowered: dict[str, Any] = _lowered(document)
    return lowered | {"openapi": OPENAPI_VERSION}


def _lowered(node: Any) -> Any:
    if isinstance(node, list):
        return [_lowered(one) for one in node]
    if not isinstance(node, dict):
        return node
    found = {name: _lowered(one) for name, one in node.items()}
    if "const" in found:
        found["enum"] = [found.pop("const")]
    if "prefixItems" in found:
        found["items"] = {"anyOf": found.pop("prefixItems")}
    if found.get("type") == "array":
        found.setdefault("items", {})
    if isinstance(found.get("anyOf"), list) and {"type": "null"} in found["anyOf"]:
        rest = [one for one in found.pop("anyOf") if one != {"type": "null"}]
        found |= (rest[0] if len(rest) == 1 and "$ref" not in rest[0] else {"anyOf": rest}) | {"nullable": True}
    return found


def _folder() -> Path:
    from swagger_ui_bundle import swagger_ui_path

    return Path(str(swagger_ui_path))
