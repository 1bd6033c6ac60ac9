"""The ways in of a node, as a topology file says them."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from headwater.config import Topology, format_topology, load_topology, with_free_ports
from headwater.model.errors import ConfigError
from headwater.pipeline.inlets import MQTT_WINDOW, HttpOptions, MqttOptions
from headwater.pipeline.mapping import MappingOptions

NODE = """\
[[node]]
id = "000001"
name = "gatewayA"

[[node.mqtt]]
broker = "broker.example"
topic = "plant/{meter}"
"""


def load(folder: Path, text: str) -> Topology:
    path = folder / "t.toml"
    path.write_text(text, encoding="utf-8")
    return load_topology(path)


def subscription(folder: Path, more: str = "") -> MqttOptions:
    (found,) = load(folder, NODE + more).gateways[0].mqtt
    return found


def test_a_broker_without_a_port_has_the_usual_one(tmp_path: Path) -> None:
    assert subscription(tmp_path).broker == "broker.example:1883"
    assert subscription(tmp_path, "tls = true").broker == "broker.example:8883"


def test_a_node_with_subscriptions_refuses_repetitions_unless_told(tmp_path: Path) -> None:
    def window(text: str) -> int:
        return load(tmp_path, text).gateways[0].deduplicate_window

    subscribing = '[[node.mqtt]]\nbroker = "b"\ntopic = "t/{meter}/{metric}"\n'
    alone = '[[node]]\nid = "000001"\nname = "gatewayA"\n'
    assert window(alone) == 0
    assert window(alone + subscribing) == MQTT_WINDOW == 500_000
    assert window(f"{alone}deduplicate_window = 0\n{subscribing}") == 0


def test_files_are_relative_to_the_topology(tmp_path: Path) -> None:
    assert subscription(tmp_path, 'username = "u"\npassword_file = "word"').password_file == tmp_path / "word"


def test_every_option_of_a_subscription_survives_writing(tmp_path: Path) -> None:
    before = load(tmp_path, NODE)
    mapping = MappingOptions(
        records="$.a",
        meter="{meter}-x",
        metric="$['a b']",
        timestamp="received",
        time="s",
        values={"power": "$.p", "energy": "$['e f']"},
    )
    options = MqttOptions(
        broker="10.0.0.1:7",
        topic="a/{meter}/#",
        format="csv",
        mapping=mapping,
        version="3.1.1",
        client_id="me",
        session_expiry_s=60,
        in_flight_max=5,
        payload_bytes_max=99,
        keepalive_s=7,
        username="u",
        password_file=tmp_path / "word",
        tls=True,
        ca_file=tmp_path / "ca",
        certificate_file=tmp_path / "cert",
        key_file=tmp_path / "key",
    )
    other = MqttOptions(broker="10.0.0.1:7", topic="b", username="u", password_variable="WORD")
    changed = replace(before, gateways=(replace(before.gateways[0], mqtt=(options, other)),))
    assert load(tmp_path, format_topology(changed)) == changed


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("topik = 1", 'unknown key "topik" in [[node.mqtt]] 1 of [[node]] 1 ("gatewayA"), line'),
        ('version = "4"', 'version = "4" in [[node.mqtt]] 1 of [[node]] 1 ("gatewayA"), line 8: must be one of'),
        ("[node.mqtt.mapping]\nvalue = 'x'", "is no path"),
        ("[node.mqtt.mapping]\nwert = '$.x'", 'unknown key "wert"'),
        ("[node.mqtt.mapping]\nmeter = '{x}'", "which the topic does not capture"),
        ("in_flight_max = 0", "in_flight_max = 0"),
        ('password_variable = "X"', "a password needs a username"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, more: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        subscription(tmp_path, more)
    assert said in str(error.value)


HTTP = """\
[[node]]
id = "000001"
name = "gatewayA"
http_listen = "127.0.0.1:8080"
[node.http]
body_bytes_max = 2048
mapping = {value = "$.v"}
"""


def test_a_node_listens_for_http_where_it_says(tmp_path: Path) -> None:
    (gateway,) = load(tmp_path, HTTP).gateways
    assert gateway.http_listen == "127.0.0.1:8080"
    assert gateway.http == HttpOptions(body_bytes_max=2048, mapping=MappingOptions(value="$.v"))
    assert load(tmp_path, NODE).gateways[0].http_listen is None


def test_the_http_listener_survives_writing_and_moves_to_a_free_port(tmp_path: Path) -> None:
    before = load(tmp_path, HTTP)
    assert load(tmp_path, format_topology(before)) == before
    moved = with_free_ports(before, tmp_path)
    assert moved.gateways[0].http_listen not in (None, before.gateways[0].http_listen)
    assert load(tmp_path, format_topology(moved)) == moved


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HTTP.replace("8080", "80800"), "port 80800 is not between"),
        (HTTP.replace("8080", "50051"), "the same address"),
        (HTTP.replace("2048", "1"), "body_bytes_max = 1"),
        (HTTP.replace("mapping", "map"), 'unknown key "map"'),
    ],
)
def test_a_mistake_about_http_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(tmp_path, text)
    assert said in str(error.value)


@pytest.mark.parametrize("broker", ["", "a b", "host:", "host:0", "a/b"])
def test_a_broker_that_is_no_address_is_named(tmp_path: Path, broker: str) -> None:
    with pytest.raises(ConfigError, match="broker"):
        load(tmp_path, NODE.replace("broker.example", broker))
