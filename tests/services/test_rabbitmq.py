"""A real RabbitMQ: what comes by MQTT is taken from a queue, by the API of its management plug-in."""

import base64
import json
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from headwater.config.address import LOOPBACK, parse_address
from headwater.services.rabbitmq import PASSWORD, USER
from headwater.services.service import Service, listens
from tests.services.shared import Addresses

SECRET = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def ask(address: str, method: str, path: str, body: object = None) -> Any:
    """An answer of the management API."""
    headers = {"Authorization": f"Basic {SECRET}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://{address}/api/{path}", data, headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or b"null")


@pytest.mark.timeout(300)
def test_a_message_by_mqtt_comes_out_of_a_queue(rabbitmq: Addresses) -> None:
    api = rabbitmq["management"]
    ask(api, "PUT", "queues/%2F/readings", {"auto_delete": False, "durable": True})
    ask(api, "POST", "bindings/%2F/e/amq.topic/q/readings", {"routing_key": "plant.*"})
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(USER, PASSWORD)
    client.connect(*parse_address(rabbitmq["mqtt"]))
    client.loop_start()
    client.publish("plant/boiler", b"21.5", qos=1).wait_for_publish(60)
    client.disconnect()
    client.loop_stop()
    taken = ask(
        api, "POST", "queues/%2F/readings/get", {"count": 1, "ackmode": "ack_requeue_false", "encoding": "auto"}
    )
    assert [(message["routing_key"], message["payload"]) for message in taken] == [("plant.boiler", "21.5")]
    assert listens(rabbitmq["stream"])
    ask(api, "DELETE", "queues/%2F/readings")


@pytest.mark.timeout(300)
def test_nothing_of_a_killed_broker_is_left(own_service: Callable[[str], Service]) -> None:
    broker = own_service("rabbitmq")
    broker.begin()
    address = next(iter(broker.addresses.values()))
    (port,) = [text for text in _settings_of(broker.pid or 0) if text.startswith("ERL_EPMD_PORT=")]
    epmd = f"{LOOPBACK}:{port.partition('=')[2]}"
    assert listens(epmd)
    broker.kill()
    deadline = time.monotonic() + 30
    while listens(address) or listens(epmd):
        assert time.monotonic() < deadline, "something of it still listens"
        time.sleep(0.05)


def _settings_of(pid: int) -> list[str]:
    """The environment that a process was started with."""
    return Path(f"/proc/{pid}/environ").read_text().split("\0")
