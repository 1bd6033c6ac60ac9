"""Readings by MQTT from a real broker: durable before they are acknowledged, refused one by one, tried again."""

import asyncio
import contextlib
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from headwater.log.standing import load_counts
from headwater.pipeline import daemon as daemon_module
from headwater.pipeline import mqtt_link
from headwater.pipeline.inlets import MqttOptions
from headwater.pipeline.mapping import MappingOptions
from headwater.pipeline.mqtt import Standing
from headwater.pipeline.mqtt_link import Message, MqttLink
from tests.brokers import Broker, broker
from tests.pipeline.daemons import FullDisk, Reading, Running, Source, fill, gateway_options, readings, running, until

TOPIC = "plant/{meter}/{metric}"


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Broker]:
    with broker(tmp_path / "broker") as found:
        yield found


class Publisher:
    """A client that publishes with QoS 1 and waits for the broker's word."""

    def __init__(self, broker: Broker, ca: str | None = None) -> None:
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
        if ca is not None:
            self._client.tls_set(ca)
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()

    def publish(self, topic: str, payload: object, retain: bool = False) -> None:
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self._client.publish(topic, data, qos=1, retain=retain).wait_for_publish(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextlib.contextmanager
def publisher(broker: Broker, **more: str) -> Iterator[Publisher]:
    made = Publisher(broker, **more)
    try:
        yield made
    finally:
        made.close()


def subscription(broker: Broker, **more: Any) -> MqttOptions:
    return MqttOptions(**{"broker": broker.address, "topic": TOPIC, **more})


@contextlib.asynccontextmanager
async def gateway(folder: Path, *subscriptions: MqttOptions, **more: Any) -> AsyncIterator[Running]:
    """A gateway with subscriptions, all connected."""
    async with running(gateway_options(folder, mqtt=subscriptions, **more)) as found:
        await until(lambda: all(inlet.standing.connected for inlet in found.daemon.mqtt), "the connections")
        yield found


def standing(gateway: Running) -> Standing:
    return gateway.daemon.mqtt[0].standing


def payload(at: int) -> dict[str, object]:
    return {"timestamp": 1000 * at, "value": at / 10}


def reading(meter: str, metric: str, at: int) -> Reading:
    return Reading(meter, metric, 1000 * at, at / 10)


def test_a_message_becomes_a_reading_named_by_its_topic(tmp_path: Path, mosquitto: Broker) -> None:
    async def work() -> None:
        async with gateway(tmp_path / "node", subscription(mosquitto)) as found:
            with publisher(mosquitto) as client:
                client.publish("plant/m1/power", payload(1))
                client.publish("plant/m2/energy", [payload(2), payload(3)])
            await until(lambda: standing(found).messages == 2 and not standing(found).unacknowledged)

    asyncio.run(work())
    assert readings(tmp_path / "node") == [
        reading("m1", "power", 1),
        reading("m2", "energy", 2),
        reading("m2", "energy", 3),
    ]


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_what_is_published_while_the_gateway_is_away_comes_when_it_is_back(
    tmp_path: Path, mosquitto: Broker, version: str
) -> None:
    options = subscription(mosquitto, version=version)

    async def work(messages: int) -> None:
        async with gateway(tmp_path / "node", options) as found:
            await until(lambda: standing(found).messages == messages and not standing(found).unacknowledged)

    asyncio.run(work(0))
    with publisher(mosquitto) as client:
        for at in range(50):
            client.publish("plant/m1/power", payload(at))
    asyncio.run(work(50))
    assert readings(tmp_path / "node") == [reading("m1", "power", at) for at in range(50)]


@pytest.mark.parametrize("window", [0, 1000])
def test_what_was_not_acknowledged_comes_again_and_is_refused_where_repetitions_are(
    tmp_path: Path, mosquitto: Broker, monkeypatch: pytest.MonkeyPatch, window: int
) -> None:
    async def work(published: int) -> None:
        async with gateway(tmp_path / "node", subscription(mosquitto), deduplicate_window=window) as found:
            with publisher(mosquitto) as client:
                for at in range(published):
                    client.publish("plant/m1/power", payload(at))
            await until(lambda: standing(found).messages == 10 and not standing(found).unacknowledged)
            assert standing(found).repeated == 10 - published

    with monkeypatch.context() as patch:
        patch.setattr(MqttLink, "acknowledge", lambda link, message: None)
        asyncio.run(work(published=10))
    asyncio.run(work(published=0))
    once = [reading("m1", "power", at) for at in range(10)]
    assert readings(tmp_path / "node") == (once if window else once * 2)


def test_nothing_is_acknowledged_before_it_is_durable(
    tmp_path: Path, mosquitto: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon_module, "RealDisk", FullDisk)
    acknowledged: list[Message] = []
    monkeypatch.setattr(MqttLink, "acknowledge", lambda link, message: acknowledged.append(message))

    async def work() -> None:
        async with gateway(tmp_path / "node", subscription(mosquitto)) as found:
            disk = await fill(found)
            with publisher(mosquitto) as client:
                client.publish("plant/m1/power", payload(1))
            await until(lambda: standing(found).unacknowledged == 1 and found.daemon.committer.failing)
            await asyncio.sleep(0.3)
            assert not acknowledged
            disk.full = False
            await until(lambda: len(acknowledged) == 1)
            assert readings(tmp_path / "node") == [reading("m1", "power", 1)]

    asyncio.run(work())


def test_without_room_nothing_is_taken_and_nothing_is_lost(tmp_path: Path, mosquitto: Broker) -> None:
    async def work() -> None:
        async with gateway(tmp_path / "node", subscription(mosquitto)) as found:
            room = asyncio.Event()
            found.daemon.core.room = room.is_set
            with publisher(mosquitto) as client:
                for at in range(100):
                    client.publish("plant/m1/power", payload(at))
            await asyncio.sleep(0.3)
            assert standing(found).messages == 0
            room.set()
            await until(lambda: standing(found).messages == 100 and not standing(found).unacknowledged)

    asyncio.run(work())
    assert readings(tmp_path / "node") == [reading("m1", "power", at) for at in range(100)]


def test_payloads_beyond_what_may_wait_are_left_with_the_broker(
    tmp_path: Path, mosquitto: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_link, "HELD_BYTES_MAX", 200)

    async def work() -> None:
        async with gateway(tmp_path / "node", subscription(mosquitto)) as found:
            room = asyncio.Event()
            found.daemon.core.room = room.is_set
            with publisher(mosquitto) as client:
                for at in range(100):
                    client.publish("plant/m1/power", payload(at))
            await asyncio.sleep(0.3)
            room.set()
            await until(lambda: standing(found).messages == 100 and not standing(found).unacknowledged)

    asyncio.run(work())
    assert len(readings(tmp_path / "node")) == 100


def test_what_does_not_map_is_counted_acknowledged_and_costs_only_itself(tmp_path: Path, mosquitto: Broker) -> None:
    async def work() -> None:
        options = subscription(mosquitto, payload_bytes_max=1000)
        async with gateway(tmp_path / "node", options) as found:
            with publisher(mosquitto) as client:
                client.publish("plant/m1/power", b"{")
                client.publish("plant/m1/power", [payload(1), {"value": 2}, payload(3)])
                client.publish("plant/m1/power", b" " * 1001)
            await until(lambda: standing(found).messages == 3 and not standing(found).unacknowledged)
            assert found.daemon.core.refused == {"json": 1, "timestamp": 1, "size": 1}
            assert standing(found).refused == 3
            (first, second, third) = found.daemon.core.latest_refusals
            assert first.startswith("json: MQTT topic plant/m1/power, payload: not JSON")
            assert second.startswith("timestamp: MQTT topic plant/m1/power, record 2: no timestamp")
            assert "payload_bytes_max is 1000" in third
        async with gateway(tmp_path / "node", options) as found:
            await asyncio.sleep(0.3)
            assert standing(found).messages == 0

    asyncio.run(work())
    assert readings(tmp_path / "node") == [reading("m1", "power", 1), reading("m1", "power", 3)]


def test_a_large_message_enters_in_several_batches(tmp_path: Path, mosquitto: Broker) -> None:
    async def work() -> None:
        async with gateway(tmp_path / "node", subscription(mosquitto)) as found:
            with publisher(mosquitto) as client:
                client.publish("plant/m1/power", [payload(at) for at in range(5000)])
            await until(lambda: standing(found).readings == 5000 and not standing(found).unacknowledged)

    asyncio.run(work())
    assert readings(tmp_path / "node") == [reading("m1", "power", at) for at in range(5000)]


# ---- brokers that are away, refuse or go ----------------------------------------------------------------------------


def test_a_broker_that_is_away_is_told_once_and_tried_again_and_disturbs_nothing(
    tmp_path: Path, mosquitto: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    mosquitto.kill()

    async def work() -> None:
        async with running(gateway_options(tmp_path / "node", mqtt=(subscription(mosquitto),))) as found:
            await until(lambda: standing(found).problem)
            assert "Connection refused" in (standing(found).problem or "")
            await until(lambda: load_counts(found.daemon.disk).troubles, "the trouble in what the agent reads")
            source = Source()
            source.make([reading("m", "power", 1)])
            async with source.connected(found.address):
                await source.send()
                await source.settled()
            await asyncio.sleep(0.5)
            mosquitto.begin()
            await until(lambda: standing(found).connected, "the connection")
            mosquitto.kill()
            await until(lambda: not standing(found).connected)
            mosquitto.begin()
            await until(lambda: standing(found).connected, "the second connection")

    asyncio.run(work())
    refused = [entry for entry in caplog.messages if "Connection refused" in entry and "MQTT broker" in entry]
    assert 1 <= len(refused) <= 2


def test_a_broker_that_refuses_says_why_and_the_password_is_in_no_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    users = tmp_path / "users"
    users.write_text("")
    made = subprocess.run(
        ["mosquitto_passwd", "-b", str(users), "gateway", "geheim1"], check=False, capture_output=True
    )
    if made.returncode:
        pytest.skip(f"machine cannot: mosquitto_passwd failed: {made.stderr!r}")
    word = tmp_path / "password"
    word.write_text("falsch22\n")
    lines = ("allow_anonymous false", f"password_file {users}")
    with broker(tmp_path / "broker", *lines) as found:
        options = subscription(found, username="gateway", password_file=word)

        async def work() -> None:
            async with running(gateway_options(tmp_path / "node", mqtt=(options,))) as node:
                await until(lambda: standing(node).problem)
                assert "ot authorized" in (standing(node).problem or "")
                word.write_text("geheim1\n")
                await until(lambda: standing(node).connected, "the connection with the right password")

        asyncio.run(work())
    assert not [entry for entry in caplog.messages if "falsch22" in entry or "geheim1" in entry]


def test_a_password_that_is_nowhere_is_said(tmp_path: Path, mosquitto: Broker) -> None:
    one = subscription(mosquitto, username="u", password_variable="HEADWATER_NOT_SET")
    two = subscription(mosquitto, username="u", password_file=tmp_path / "none")

    async def work() -> None:
        async with running(gateway_options(tmp_path / "node", mqtt=(one, two))) as found:
            await until(lambda: all(inlet.standing.problem for inlet in found.daemon.mqtt))
            problems = [inlet.standing.problem for inlet in found.daemon.mqtt]
            assert problems == [
                "the environment variable HEADWATER_NOT_SET (password) is not set",
                f"password_file {tmp_path / 'none'} cannot be read: No such file or directory",
            ]

    asyncio.run(work())


def test_what_answers_and_is_no_broker_is_told(tmp_path: Path) -> None:
    async def work() -> None:
        async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.write(b"\xff" * 100)
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(babble, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            options = MqttOptions(broker=f"127.0.0.1:{port}", topic=TOPIC)
            async with running(gateway_options(tmp_path / "node", mqtt=(options,))) as found:
                await until(lambda: standing(found).problem)

    asyncio.run(work())


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that vouches for itself, and its key."""
    made, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=broker"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(made)]
    if shutil.which("openssl") is None:
        pytest.skip("machine cannot: there is no openssl")
    subprocess.run(command, check=True, capture_output=True)
    return made, key


def test_a_broker_is_reached_by_tls_when_its_certificate_is_trusted(tmp_path: Path) -> None:
    made, key = certificate(tmp_path)
    with broker(tmp_path / "broker", f"certfile {made}", f"keyfile {key}") as found:
        trusting = subscription(found, tls=True, ca_file=made)
        doubting = subscription(found, tls=True, client_id="other")

        async def work() -> None:
            options = gateway_options(tmp_path / "node", mqtt=(trusting, doubting))
            async with running(options) as node:
                one, two = (inlet.standing for inlet in node.daemon.mqtt)
                await until(lambda: one.connected and two.problem)
                assert "certificate verify failed" in (two.problem or "")
                big = [payload(at) for at in range(3000)]
                with publisher(found, ca=str(made)) as client:
                    client.publish("plant/m1/power", big)
                await until(lambda: one.readings == 3000 and not one.unacknowledged)

        asyncio.run(work())


def test_a_message_from_a_subscription_of_before_is_refused_with_the_remedy(tmp_path: Path, mosquitto: Broker) -> None:
    async def work(topic: str, publish: bool) -> list[str]:
        options = subscription(mosquitto, topic=topic, client_id="same")
        async with gateway(tmp_path / "node", options) as found:
            if publish:
                with publisher(mosquitto) as client:
                    client.publish("plant/m1/power", payload(1))
                await until(lambda: standing(found).messages == 1)
            return found.daemon.core.latest_refusals

    asyncio.run(work(TOPIC, publish=False))
    (refusal,) = asyncio.run(work("other/{meter}/{metric}", publish=True))
    assert "give another client_id" in refusal


def test_another_topic_is_another_session(mosquitto: Broker) -> None:
    names = {subscription(mosquitto, topic=topic).session("s", 1) for topic in ("a/{x}", "b/{x}", "a/{y}")}
    assert len(names) == 2


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"topic": "a/#/b"}, "the last one"),
        ({"mapping": MappingOptions(meter="{other}")}, "does not capture"),
        ({"password_variable": "X"}, "needs a username"),
        ({"username": "u", "password_variable": "X", "password_file": Path("x")}, "one of the two"),
        ({"ca_file": Path("x")}, "need tls"),
        ({"tls": True, "key_file": Path("x")}, "go together"),
        ({"format": "senml", "mapping": MappingOptions(meter="$.x")}, "no paths"),
    ],
)
def test_options_that_cannot_be_are_refused(given: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        MqttOptions(**{"broker": "b:1", "topic": TOPIC, **given})
