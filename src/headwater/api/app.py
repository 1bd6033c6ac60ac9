"""The REST application: every resource on one FastAPI app, over a store reader and the agents."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.routing import Match

from headwater.api.by_id import add_points
from headwater.api.chaos import add_chaos
from headwater.api.cluster import add_cluster
from headwater.api.cluster_health import add_cluster_health, add_forgetting
from headwater.api.cql import add_cql, open_cql
from headwater.api.dashboard import Dashboard
from headwater.api.find import add_find
from headwater.api.folded import add_folded
from headwater.api.health import add_health
from headwater.api.hosts import Hosts
from headwater.api.hot import HotAnswers
from headwater.api.lanes import Lanes
from headwater.api.lineage import add_lineage
from headwater.api.live import Live, add_live
from headwater.api.losses import add_losses
from headwater.api.openapi import DescribedApp
from headwater.api.options import ApiOptions
from headwater.api.problems import add_handlers, no_such_path, wrong_method
from headwater.api.provenance import add_provenance
from headwater.api.query import add_query
from headwater.api.query2018 import add_query_2018
from headwater.api.readings import AgentReadings
from headwater.api.reports import add_reports
from headwater.api.retention import add_retention
from headwater.api.service import Service
from headwater.api.strict import StrictRoute
from headwater.api.swagger import add_swagger
from headwater.store.options import SqliteOptions
from headwater.store.port import Reader
from headwater.store.query.queries import Queries

_RESOURCES = (
    add_health,
    add_cluster,
    add_cluster_health,
    add_forgetting,
    add_provenance,
    add_find,
    add_lineage,
    add_folded,
    add_points,
    add_losses,
    add_retention,
    add_reports,
    add_query,
    add_cql,
    add_query_2018,
)
"""What adds each resource that needs nothing but the service, in the order in which paths are matched."""
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def create_app(
    open_reader: Callable[[], Reader],
    agents: AgentReadings,
    now_ms: Callable[[], int],
    version: str,
    options: ApiOptions,
) -> DescribedApp:
    """The application. `open_reader` is called in each reading thread on first use and after failures; `now_ms` is the
    server's clock. The readers are closed when the application's lifespan ends."""
    lanes = Lanes(open_reader, options.lanes, near=isinstance(options.store, SqliteOptions))
    queries = Queries(options.sql, now_ms)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await live.close()
            if chaos is not None:
                await chaos.close()
            if dashboard is not None:
                await dashboard.close()
            await queries.close()
            if cql is not None:
                cql.close()
            await lanes.close()

    app = DescribedApp(
        title="Headwater",
        version=version,
        description="Where every value comes from, and how the nodes stand.",
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.router.route_class = StrictRoute
    app.front = Hosts(HotAnswers(app.behind, lanes.version), options.listen, options.hosts)
    dashboard = Dashboard(Path(options.dashboard)) if options.dashboard else None
    cql = open_cql(options)
    service = Service(lanes, agents, now_ms, version, options, queries, cql)
    live = app.state.live = Live(service)
    add_handlers(app)
    for add in _RESOURCES:
        add(app, service)
    add_live(app, live)
    chaos = add_chaos(app, service)
    add_swagger(app)
    _add_last(app)
    if dashboard is not None:
        app.mount("/", dashboard)
    return app


def _add_last(app: FastAPI) -> None:
    """Let nothing under /v1 fall through to what may be mounted behind."""
    known = list(app.routes)

    async def unknown(request: Request) -> Response:
        allowed: set[str] = set()
        for route in known:
            if route.matches(request.scope)[0] is Match.PARTIAL:
                allowed |= getattr(route, "methods", None) or set()
        return wrong_method(request, sorted(allowed)) if allowed else no_such_path(request)

    app.add_api_route("/v1/{rest:path}", unknown, methods=_METHODS, include_in_schema=False)
