"""The dashboard as an application: pages, files, and what they follow live."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI
from nicegui import app as gui
from nicegui import core, ui
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headwater.client import AsyncClient, Retries
from headwater.ui.ask import Asking, add_ask
from headwater.ui.find.page import add_find
from headwater.ui.grid.feed import grid_look
from headwater.ui.grid.page import add_grid
from headwater.ui.lineage.page import add_lineage
from headwater.ui.live import Feeds, Look, add_live
from headwater.ui.node.feed import node_look
from headwater.ui.node.page import add_node
from headwater.ui.options import UiOptions
from headwater.ui.query.page import add_query
from headwater.ui.recent import Looks
from headwater.ui.reports.page import add_reports
from headwater.ui.reports.state import reports_look
from headwater.ui.shell import STATIC

API_TIMEOUT_S = 10.0
COMPRESSION = 1
"""The least: a browser that comes first loads 2 MB of scripts, and compressing them well takes 0.1 s each time."""
HISTORY_MESSAGES_MAX = 100
RECONNECT_S = 10.0
POLICY = (
    # NiceGUI's client compiles its templates in the browser, which takes eval; nothing comes from elsewhere.
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; frame-ancestors 'none'; "
    "base-uri 'self'; form-action 'self'; object-src 'none'"
)
_HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
]


class Guarded:
    """Adds to every answer what forbids browsers to load anything from elsewhere."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        await self._app(scope, receive, guarded if scope["type"] == "http" else send)


def create_app(options: UiOptions) -> FastAPI:
    """The dashboard over the API that `options` names. Once in a process: NiceGUI keeps its pages in its module."""
    client = AsyncClient(options.api, timeout_s=API_TIMEOUT_S, retries=Retries(times=0))

    looks = Looks(client)

    def look_at(topic: str) -> Look | None:
        page, _, what = topic.partition("/")
        if page == "node" and what:
            return node_look(looks, what)
        whole = {"grid": grid_look, "reports": reports_look}
        return whole[topic](looks) if topic in whole else None

    feeds = Feeds(look_at)
    asking = Asking(options.api)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            feeds.close()
            await asking.close()
            await client.close()

    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.add_middleware(Guarded)
    add_live(app, feeds)
    add_ask(app, asking)
    gui.add_static_files(STATIC, Path(str(files("headwater.ui") / "static")), max_cache_age=31_536_000)
    add_grid()
    add_node(looks)
    add_lineage(app, client)
    add_find()
    add_query(options)
    add_reports()
    gui.config.quasar_config["loadingBar"]["skipHijack"] = True  # It has no name for those who cannot see it.
    core.sio.eio.cors_allowed_origins = None  # Same origin only; any other by NiceGUI's default.
    ui.run_with(
        app,
        title="Headwater",
        dark=None,
        tailwind=False,
        show_welcome_message=False,
        binding_refresh_interval=None,
        message_history_length=HISTORY_MESSAGES_MAX,
        reconnect_timeout=RECONNECT_S,
        gzip_middleware_factory=partial(GZipMiddleware, compresslevel=COMPRESSION),
    )
    return app
