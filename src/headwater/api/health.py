"""`/healthz` and `/readyz`: whether the process lives, and whether it can answer from the store."""

from fastapi import FastAPI, Request
from fastapi.responses import Response

from headwater.api import documents, openapi
from headwater.api.answers import encode, json_answer
from headwater.api.service import Service


def add_health(app: FastAPI, service: Service) -> None:
    """Add both, outside /v1."""

    @app.get(
        "/healthz",
        summary="The process lives, whether or not there is a store",
        responses=openapi.answers(documents.Alive, store=False),
    )
    async def alive(request: Request) -> Response:
        return json_answer(encode(documents.Alive("alive", service.version)))

    @app.get("/readyz", summary="The store can be read", responses=openapi.answers(documents.Alive))
    async def ready(request: Request) -> Response:
        await service.lanes.glance(lambda reader: reader.nodes())
        return json_answer(encode(documents.Alive("ready", service.version)))
