"""What is asked of a topology that has run: the demo's judge where it knows what must come, else that values explain
themselves."""

import http.client
import json
import time
from collections.abc import Callable
from typing import Any

from headwater.cli import health
from headwater.cli.client import asking
from headwater.cli.demo_answers import Answer, leaves
from headwater.cli.demo_check import Findings
from headwater.cli.demo_run import DemoRun
from headwater.client.calls import posted, reading
from headwater.config import Topology
from headwater.config.address import parse_address
from headwater.deploy.contained import MQTT, MQTT_PORT
from headwater.log.disk import RealDisk
from headwater.log.standing import RECEIVED
from headwater.model.errors import HeadwaterError, Unavailable
from headwater.model.ids import format_node
from headwater.pipeline.step_options import AggregateOptions

ASKED_MAX = 500
POSTED = 20
SENDING_S = 200.0
EVERY_S = 0.3
WAYS_IN = 3
"""Of the example that takes readings otherwise than from sensors: HTTP, JSON and SenML."""


def is_judged(topology: Topology) -> bool:
    """Whether the demo's judge knows what must come out: all that the sensors send, and averages of it."""
    steps = [step for gateway in topology.gateways for step in gateway.steps]
    return bool(topology.sensors) and all(
        isinstance(step, AggregateOptions) and step.output == "add" and step.slide_s is None for step in steps
    )


def until_ready(url: str) -> None:
    """Wait until a server can read its store; HeadwaterError when it cannot."""

    def is_ready() -> bool:
        try:
            health.check(f"{url}/readyz", EVERY_S + 5)
        except Unavailable:
            return False
        return True

    _until(is_ready, "the store")


def explained(run: DemoRun) -> Findings:
    """The newest values at the endpoint, each of which must lead back to nodes where readings enter."""
    endpoint = format_node(run.endpoint.node)
    sent_to = {group.target for group in run.topology.sensors}
    entries = {
        format_node(gateway.node)
        for gateway in run.topology.gateways
        if gateway.address in sent_to or gateway.mqtt or gateway.http_listen
    }
    with asking(run.topology.api_url) as client:
        points = client.newest(endpoint, ASKED_MAX, detail=True, values=True)
        asked = {"ids": [point.id for point in points], "structure": "recursive", "detail": True, "values": True}
        answers = client.ask(posted("/v1/lineage", asked, reading(list[Answer])))
    exact = sum(
        answer.found and all(leaf.context.get("hostId") in entries for leaf in leaves(answer.points[0]))
        for answer in answers
    )
    delivered = run.progress().received[run.endpoint.name]
    return Findings(readings_delivered=delivered, lineage_checked=len(answers), lineage_exact=exact)


def send_otherwise(run: DemoRun) -> None:
    """Send by HTTP and MQTT until some of each way have arrived; HeadwaterError when they do not."""
    gateway = next(gateway for gateway in run.topology.gateways if gateway.http_listen and gateway.mqtt)
    host = parse_address(gateway.address or "").host
    endpoint = RealDisk(run.endpoint.log)
    try:
        _until(lambda: _posted(host, parse_address(gateway.http_listen or "").port), "HTTP")
        # A message is for whoever has subscribed by then.
        number = 0

        def arrived() -> bool:
            nonlocal number
            number += 1
            _published(number)
            return endpoint.load_word(RECEIVED) >= POSTED + 2 * WAYS_IN

        _until(arrived, "MQTT")
    finally:
        endpoint.close()


def _posted(host: str, port: int) -> bool:
    rows = [{"meter": "meter-2", "metric": "power", "timestamp": 1_000 * at, "value": at} for at in range(POSTED)]
    connection = http.client.HTTPConnection(host, port, timeout=10)
    try:
        connection.request("POST", "/v1/readings", json.dumps(rows), {"Content-Type": "application/json"})
        return bool(json.loads(connection.getresponse().read())["accepted"] == POSTED)
    except OSError:
        return False
    finally:
        connection.close()


def _published(number: int) -> None:
    from paho.mqtt import publish

    messages: list[Any] = [
        ("plant/meter-1/hall/power", json.dumps({"timestamp": number, "value": 231.4}), 1, False),
        ("senml/x", json.dumps([{"bn": "urn:dev:1:", "n": "temp", "u": "Cel", "t": number, "v": 21.5}]), 1, False),
    ]
    publish.multiple(messages, hostname=MQTT, port=MQTT_PORT)


def _until(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SENDING_S
    while not done():
        if time.monotonic() > deadline:
            raise HeadwaterError(f"waited {SENDING_S:.0f} s for {what}")
        time.sleep(EVERY_S)
