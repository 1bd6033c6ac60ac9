"""Alarms at a real web server: posted in order, again while it fails, and on after a restart."""

import asyncio
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from headwater.health.webhook import Webhook
from headwater.health.webhook_options import WebhookOptions
from headwater.model.errors import ConfigError
from headwater.model.health import Change, Health, Part, Subject, Verdict
from headwater.store.files import StoreFiles
from headwater.store.health import Delivery, DeliveryKeeper, HealthWriter
from headwater.store.port import Standing

PATIENCE_S = 60.0
HANG_UP = 0


class Receiver(ThreadingHTTPServer):
    """Keeps what is posted; answers as it is told, 204 when it is told nothing more."""

    def __init__(self, statuses: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses = statuses
        self.posted: list[tuple[dict[str, str], dict[str, Any]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/alarms"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.posted.append((dict(self.headers), body))
        status = self.server.statuses.pop(0) if self.server.statuses else 204
        if status == HANG_UP:
            self.close_connection = True
            return
        self.send_response(status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def receiving(*statuses: int) -> Iterator[Receiver]:
    with Receiver(list(statuses)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def verdict(node: int, health: Health) -> Verdict:
    return Verdict(Subject(Part.NODE, node), health, 1_700_000_000_000 + node, "as it is")


def keep(files: StoreFiles, *changes: Change) -> None:
    with closing(HealthWriter(files)) as writer:
        writer.keep(Standing(0, 0, []), changes)


def post(files: StoreFiles, options: WebhookOptions, until: Callable[[], bool]) -> None:
    """Be the webhook's task until something is so."""

    async def run() -> None:
        with closing(DeliveryKeeper(files)) as keeper:
            task = asyncio.create_task(Webhook(options, keeper, "default").run())
            try:
                async with asyncio.timeout(PATIENCE_S):
                    while not until() and not task.done():
                        await asyncio.sleep(0.01)
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())


def delivered(files: StoreFiles) -> Delivery:
    with closing(DeliveryKeeper(files)) as keeper:
        return keeper.load()


def test_what_fails_is_posted_again_and_order_is_kept(tmp_path: Path) -> None:
    files = StoreFiles(tmp_path)
    keep(files)
    with closing(DeliveryKeeper(files)) as keeper:
        keeper.keep(Delivery(0, ()))
    changes = [Change(1, None, verdict(1, Health.GREEN)), Change(2, Health.GREEN, verdict(1, Health.RED))]
    keep(files, *changes, Change(3, Health.GREEN, verdict(2, Health.RED)))
    with receiving(503, HANG_UP, 429) as server:
        post(files, WebhookOptions(url=server.url), lambda: delivered(files).number == 3)

    assert [body["id"] for _, body in server.posted] == ["2", "2", "2", "2", "3"]
    assert server.posted[0][0]["Content-Type"] == "application/cloudevents+json"


def test_a_restart_goes_on_where_it_was_and_clears_what_was_open(tmp_path: Path) -> None:
    files = StoreFiles(tmp_path)
    keep(files)
    with receiving() as server:
        options = WebhookOptions(url=server.url)
        with closing(DeliveryKeeper(files)) as keeper:
            keeper.keep(Delivery(0, ()))
        keep(files, Change(1, Health.GREEN, verdict(1, Health.RED)))
        post(files, options, lambda: delivered(files).number == 1)
        keep(files, Change(2, Health.RED, verdict(1, Health.YELLOW)))
        post(files, options, lambda: delivered(files).number == 2)

    assert [body["type"].rpartition(".")[2] for _, body in server.posted] == ["raised", "cleared"]
    assert delivered(files) == Delivery(2, ())


def test_what_is_refused_for_good_holds_up_nothing(tmp_path: Path) -> None:
    files = StoreFiles(tmp_path)
    keep(files)
    with closing(DeliveryKeeper(files)) as keeper:
        keeper.keep(Delivery(0, ()))
    keep(files, Change(1, Health.GREEN, verdict(1, Health.RED)), Change(2, Health.GREEN, verdict(2, Health.RED)))
    with receiving(400) as server:
        post(files, WebhookOptions(url=server.url), lambda: delivered(files).number == 2)

    assert [body["id"] for _, body in server.posted] == ["1", "2"]


def test_a_webhook_that_is_new_hears_of_nothing_old(tmp_path: Path) -> None:
    files = StoreFiles(tmp_path)
    keep(files, Change(1, Health.GREEN, verdict(1, Health.RED)))

    assert delivered(files) == Delivery(1, ())


def test_an_alarm_that_was_never_taken_is_posted_after_a_restart(tmp_path: Path) -> None:
    files = StoreFiles(tmp_path)
    keep(files)
    with receiving(*[503] * 3) as server:
        post(files, WebhookOptions(url=server.url), lambda: has_begun(files))
        keep(files, Change(1, Health.GREEN, verdict(1, Health.RED)))
        post(files, WebhookOptions(url=server.url), lambda: len(server.posted) > 0)
        post(files, WebhookOptions(url=server.url), lambda: delivered(files).number == 1)

    assert {body["id"] for _, body in server.posted} == {"1"}


def has_begun(files: StoreFiles) -> bool:
    with closing(sqlite3.connect(files.health)) as connection:
        return bool(connection.execute("SELECT count(*) FROM delivery").fetchone()[0])


def test_a_history_that_cannot_be_read_for_a_while_stops_nothing(tmp_path: Path) -> None:
    files = StoreFiles(tmp_path)
    keep(files)

    def broken() -> bool:
        with closing(sqlite3.connect(files.health)) as connection:
            connection.execute("ALTER TABLE change RENAME TO away")
        return True

    def mended() -> bool:
        with closing(sqlite3.connect(files.health)) as connection:
            connection.execute("ALTER TABLE away RENAME TO change")
        return True

    with receiving() as server:
        steps = iter((lambda: has_begun(files), broken, *[lambda: True] * 50, mended))
        current = [next(steps)]

        def until() -> bool:
            if current and current[0]():
                current[:] = [step] if (step := next(steps, None)) else []
                if not current:
                    keep(files, Change(1, Health.GREEN, verdict(1, Health.RED)))
            return not current and delivered(files).number == 1

        post(files, WebhookOptions(url=server.url), until)
    assert [body["id"] for _, body in server.posted] == ["1"]


def test_the_authorization_is_sent_and_must_be_there(tmp_path: Path) -> None:
    files, secret = StoreFiles(tmp_path / "store"), tmp_path / "secret"
    keep(files)
    with closing(DeliveryKeeper(files)) as keeper:
        keeper.keep(Delivery(0, ()))
        with pytest.raises(ConfigError, match=r"authorization_file .* cannot be read"):
            Webhook(WebhookOptions(url="http://h/", authorization_file=secret), keeper, "default")
    secret.write_text("Bearer abc\n")
    keep(files, Change(1, Health.GREEN, verdict(1, Health.RED)))
    with receiving() as server:
        post(files, WebhookOptions(url=server.url, authorization_file=secret), lambda: delivered(files).number == 1)

    assert server.posted[0][0]["Authorization"] == "Bearer abc"


@pytest.mark.parametrize("url", ["", "ftp://h/", "http://", "h:80", "http://h:port/"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="url"):
        WebhookOptions(url=url)
