"""`/v1/chaos/runs`: faults on purpose, where the topology allows them."""

from functools import partial
from pathlib import Path

import msgspec
from fastapi import FastAPI, Request
from fastapi.responses import Response

from headwater.api import openapi
from headwater.api.answers import JSON, body_of, encode, json_answer
from headwater.api.reports import keep
from headwater.api.service import Service
from headwater.health.chaos.documents import ChaosQuestion, ChaosRun
from headwater.health.chaos.runs import Runs
from headwater.model.errors import Rejected

RUN_ID = openapi.parameter("id", "path", True, {"type": "string"}, "The id of a run")
CONFLICT = openapi.problem(409, "Another run is under way")
NO_RUN = openapi.problem(404, "No run of this id is known")


def add_chaos(app: FastAPI, service: Service) -> Runs | None:
    """Add the resources where chaos is enabled; whoever gets the runs closes them."""
    if service.options.control is None:
        return None
    folder = service.options.reports
    kept = partial(keep, Path(folder)) if folder is not None else None
    runs = Runs(Path(service.options.control), f"http://{service.options.listen}", kept)

    @app.get(
        "/v1/chaos/runs",
        summary="The last 16 runs, newest first, without their reports",
        responses=openapi.answers(list[ChaosRun], store=False),
    )
    async def known(request: Request) -> Response:
        return json_answer(encode(runs.known()))

    @app.post(
        "/v1/chaos/runs",
        status_code=201,
        summary="Put the faults of a scenario into the running topology, one after another",
        responses=openapi.created(ChaosRun, openapi.BAD_REQUEST, CONFLICT, openapi.TOO_LONG),
        openapi_extra=openapi.body(ChaosQuestion),
    )
    async def begin(request: Request) -> Response:
        # A form on somebody's web page cannot say that it is JSON.
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
            raise Rejected("media-type", f"a body of the type {JSON} is needed")
        body = await body_of(request, service.options.body_bytes_max)
        try:
            question = msgspec.json.decode(body, type=ChaosQuestion)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Rejected("question", f"the body is not a question about chaos: {error}") from None
        made = await runs.begin(question)
        answer = json_answer(encode(made), {"Location": f"/v1/chaos/runs/{made.id}"})
        answer.status_code = 201
        return answer

    @app.get(
        "/v1/chaos/runs/{id}",
        summary="How far a run is, and its report once it has ended",
        responses=openapi.answers(ChaosRun, NO_RUN),
        openapi_extra=openapi.parameters(RUN_ID),
    )
    async def get(request: Request) -> Response:
        return json_answer(encode(runs.get(request.path_params["id"])))

    @app.delete(
        "/v1/chaos/runs/{id}",
        status_code=204,
        summary="Heal everything and end a run; its report says what was done until then",
        responses=openapi.nothing(NO_RUN),
        openapi_extra=openapi.parameters(RUN_ID),
    )
    async def stop(request: Request) -> Response:
        runs.stop(request.path_params["id"])
        return Response(status_code=204)

    return runs
