"""The MQTT campaign: a real broker and a real gateway are killed while readings come, and all are delivered once.

    python -m tests.campaigns.mqtt --messages 10000 --readings 100 --kills 20

A reading is counted as acknowledged only when the broker has certainly saved it. Mosquitto 2.0 answers a PUBLISH before
it saves, and a message that it hands straight to a subscriber who is there is no change that makes it save. A retained
message is one, and it saves before it reads again. So two retained messages follow each group, one by one: what
is in the group is saved when the second is answered. A group for which that does not come is sent again as a whole.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from headwater.config import Topology, format_topology, load_topology, with_free_ports
from headwater.log.disk import RealDisk
from headwater.log.standing import RECEIVED, load_counts
from headwater.pipeline.inlets import MQTT_WINDOW, MqttOptions
from headwater.wire import codec
from tests.brokers import Broker
from tests.pipeline.daemons import batches

TWO = Path(__file__).parents[2] / "examples" / "topologies" / "two-node.toml"
START_MS = 1_700_000_000_000
WAIT_S = 60.0


class Plan(NamedTuple):
    """A run."""

    messages: int
    readings: int
    """In each message."""
    kills: int
    """Of the broker, and as many of the gateway."""
    seed: int = 1
    group: int = 50
    """Messages under way at once."""
    version: str = "5"


class Outcome(NamedTuple):
    """What a run came to."""

    acknowledged: int
    """Readings that the publisher counts as acknowledged."""
    delivered: int
    """Different readings at the endpoint."""
    duplicates: int
    refused_repetitions: int
    """Since the gateway's last start."""
    groups_sent_again: int
    seconds: float

    @property
    def problems(self) -> list[str]:
        lost = self.acknowledged - self.delivered
        named = ((lost, "acknowledged readings are not at the endpoint"), (self.duplicates, "duplicates there"))
        return [f"{count:,} {what}" for count, what in named if count]


class Gateway:
    """A `headwater gateway` process, over all its lives."""

    def __init__(self, file: Path, name: str) -> None:
        command = [sys.executable, "-m", "headwater.cli.main", "gateway", "--config", str(file), "--name", name]
        self._command = command
        self._output = file.with_name(f"{name}.txt")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(self._command, stdout=output, stderr=output)

    def end(self, kill: bool) -> None:
        if self._process is not None:
            self._process.kill() if kill else self._process.terminate()
            self._process.wait(WAIT_S)
            self._process = None


class Publisher:
    """Publishes message after message; knows of each group whether the broker has saved it."""

    def __init__(self, plan: Plan, port: int) -> None:
        self._plan = plan
        self._port = port
        self.published = 0
        """Messages the broker has saved."""
        self.sent_again = 0

    def run(self, until: int) -> None:
        """Publish until that many messages are saved, connecting anew whenever the connection breaks."""
        deadline = time.monotonic() + WAIT_S
        while self.published < until:
            before = self.published
            try:
                self._connection(until)
            except (OSError, RuntimeError, ValueError):
                self.sent_again += 1
                time.sleep(0.05)
            if self.published > before:
                deadline = time.monotonic() + WAIT_S
            elif time.monotonic() > deadline:
                raise TimeoutError("the broker takes nothing any more")

    def _connection(self, until: int) -> None:
        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311, reconnect_on_failure=False)
        client.max_inflight_messages_set(0)
        client.connect("127.0.0.1", self._port)
        client.loop_start()
        try:
            while self.published < until:
                last = min(self.published + self._plan.group, until)
                _published(client, [message(self._plan, at) for at in range(self.published, last)])
                for mark in (b"one", b"two"):
                    _published(client, [("saved", mark)], retain=True)
                self.published = last
        finally:
            client.disconnect()
            client.loop_stop()


def _published(client: paho.Client, messages: list[tuple[str, bytes]], retain: bool = False) -> None:
    """Publish messages with QoS 1; an error when the connection breaks before all are answered."""
    for sent in [client.publish(topic, payload, 1, retain) for topic, payload in messages]:
        while not sent.is_published():
            if not client.is_connected() and client.socket() is None:
                raise OSError("the connection broke")
            sent.wait_for_publish(0.1)


def message(plan: Plan, at: int) -> tuple[str, bytes]:
    """Topic and payload of a message. The value of each reading is its number in the run."""
    first = at * plan.readings
    records = [{"timestamp": START_MS + 10 * value, "value": value} for value in range(first, first + plan.readings)]
    return f"plant/meter-{at % 17}/hall/power", json.dumps(records).encode()


def grid(plan: Plan, broker: Broker, folder: Path) -> Topology:
    """A gateway that subscribes, and its endpoint."""
    two = with_free_ports(load_topology(TWO), folder)
    subscription = MqttOptions(broker=broker.address, topic="plant/{meter}/+/{metric}", version=plan.version)  # type: ignore[arg-type]
    first, last = two.gateways
    first = replace(first, mqtt=(subscription,), deduplicate_window=MQTT_WINDOW)
    return replace(two, gateways=(first, replace(last, storagetime_s=10**8, log_bytes_max=1 << 34)), sensors=())


def faults(plan: Plan) -> Iterator[tuple[int, str]]:
    """After how many messages which of the two is killed."""
    rng = random.Random(plan.seed)
    deaths = ["broker", "gateway"] * plan.kills
    rng.shuffle(deaths)
    yield from zip(sorted(rng.sample(range(1, plan.messages), len(deaths))), deaths, strict=True)


def run(plan: Plan, folder: Path) -> Outcome:
    """Publish everything, killing on the way; what became of it."""
    broker = Broker(folder / "broker")
    topology = grid(plan, broker, folder)
    file = folder / "grid.toml"
    file.write_text(format_topology(topology))
    gateway, endpoint = Gateway(file, "gatewayA"), Gateway(file, "endpoint")
    began = time.monotonic()
    publisher = Publisher(plan, broker.port)
    try:
        broker.begin()
        endpoint.start()
        gateway.start()
        _subscribed(broker)
        _publish_and_kill(plan, publisher, broker, gateway)
        _await(topology.gateways[1].log, plan.messages * plan.readings)
    finally:
        gateway.end(kill=False)
        endpoint.end(kill=False)
        broker.kill()
    seconds = time.monotonic() - began
    return _outcome(plan, publisher, topology, seconds)


def _publish_and_kill(plan: Plan, publisher: Publisher, broker: Broker, gateway: Gateway) -> None:
    """Publish on and on, in a thread, and kill whenever as many messages are saved as the plan says."""
    rng = random.Random(plan.seed)
    failures: list[BaseException] = []

    def publish() -> None:
        try:
            publisher.run(plan.messages)
        except BaseException as error:
            failures.append(error)

    publishing = threading.Thread(target=publish)
    publishing.start()
    try:
        for at, who in faults(plan):
            while publisher.published < at and publishing.is_alive():
                time.sleep(0.0005)
            time.sleep(rng.uniform(0, 0.003))
            if who == "broker":
                broker.kill()
                time.sleep(rng.uniform(0, 0.3))
                broker.begin()
            else:
                gateway.end(kill=True)
                time.sleep(rng.uniform(0, 0.3))
                gateway.start()
    finally:
        publishing.join()
    if failures:
        raise failures[0]


def _subscribed(broker: Broker) -> None:
    """Wait for the gateway's subscription: what is published before it goes nowhere."""
    deadline = time.monotonic() + WAIT_S
    while b"plant/+/+/+" not in broker.saved():
        assert time.monotonic() < deadline, "the gateway never subscribed"
        time.sleep(0.02)


def _await(log: Path, count: int) -> None:
    """Wait until the endpoint has that many readings, or no more come."""
    disk = RealDisk(log)
    try:
        received, deadline = -1, time.monotonic() + WAIT_S
        while received < count and time.monotonic() < deadline:
            if (now := disk.load_word(RECEIVED)) > received:
                received, deadline = now, time.monotonic() + WAIT_S
            time.sleep(0.05)
        time.sleep(1.0)  # Should there be duplicates, they may still be on their way.
    finally:
        disk.close()


def _outcome(plan: Plan, publisher: Publisher, topology: Topology, seconds: float) -> Outcome:
    gateway, endpoint = topology.gateways
    columns = [codec.decode(batch.payload) for batch in batches(endpoint.data)]
    values = np.concatenate([each.values for each in columns]) if columns else np.zeros(0)
    disk = RealDisk(gateway.log)
    try:
        repeated = load_counts(disk).refused.get("duplicate", 0)
    finally:
        disk.close()
    different = len(np.unique(values))
    return Outcome(
        publisher.published * plan.readings,
        different,
        len(values) - different,
        repeated,
        publisher.sent_again,
        seconds,
    )


def main() -> int:
    """Run as the command line says; 1 when anything was lost or came twice."""
    parser = argparse.ArgumentParser(prog="tests.campaigns.mqtt")
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--readings", type=int, default=100)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--group", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--version", default="5", choices=("3.1.1", "5"))
    given = parser.parse_args()
    plan = Plan(given.messages, given.readings, given.kills, given.seed, given.group, version=given.version)
    with tempfile.TemporaryDirectory(prefix="headwater-mqtt-") as folder:
        outcome = run(plan, Path(folder))
    print(*(f"{name.replace('_', ' ')}: {value:,}" for name, value in outcome._asdict().items()), sep="\n")
    for problem in outcome.problems:
        print(problem)
    return 1 if outcome.problems else 0


if __name__ == "__main__":
    sys.exit(main())
