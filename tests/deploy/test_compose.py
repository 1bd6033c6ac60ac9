"""Compose files: what they say, that they fulfil their specification, and that those of the examples are as written."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from headwater.cli.main import main
from headwater.config import Topology, load_topology
from headwater.deploy.compose import COMPOSE_FILE, compose_files
from headwater.deploy.plan import Place, Wishes
from headwater.model.errors import ConfigError
from headwater.store.cassandra.options import CassandraOptions
from scripts.generate_deployments import EXAMPLES, ROOT, files
from tests.deploy import schemas

NAMES = sorted(path.stem for path in EXAMPLES.glob("*.toml"))
FOLDER = ROOT / "deploy/compose"


def compose(topology: Topology, **more: Any) -> dict[str, Any]:
    wishes = Wishes(name="t", version="1", **more)
    document: dict[str, Any] = yaml.safe_load(compose_files(topology, wishes)[COMPOSE_FILE])
    return document


def example(name: str) -> Topology:
    return load_topology(EXAMPLES / f"{name}.toml")


def load(folder: Path, text: str) -> Topology:
    (folder / "t.toml").write_text(text)
    return load_topology(folder / "t.toml")


def test_the_deployments_of_the_examples_are_as_they_are_written() -> None:
    there = {path.relative_to(ROOT / "deploy"): path.read_text() for path in FOLDER.rglob("*") if path.is_file()}
    wanted = {path: text for path, text in files().items() if path.parts[0] == "compose"}
    assert there == wanted, "run make reference"


@pytest.mark.parametrize("name", NAMES)
def test_a_compose_file_fulfils_the_specification(name: str) -> None:
    document = yaml.safe_load((FOLDER / name / COMPOSE_FILE).read_text())
    schemas.is_read_as_compose(document)
    schemas.fulfils_compose_specification(document)


@pytest.mark.parametrize("name", NAMES)
def test_a_swarm_reads_it(name: str) -> None:
    schemas.is_read_by_docker_stack(FOLDER / name / COMPOSE_FILE)


@pytest.mark.parametrize("name", NAMES)
def test_no_container_may_do_more_than_it_needs(name: str) -> None:
    for service in yaml.safe_load((FOLDER / name / COMPOSE_FILE).read_text())["services"].values():
        assert service["read_only"] is not service["image"].startswith("cassandra:")
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["user"].split(":")[0] not in ("0", "root")
        assert not service.keys() & {"privileged", "cap_add", "network_mode", "depends_on"}
        is_local = all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
        assert is_local is not (name == "three-machines" and "ports" in service)


def test_both_processes_of_a_node_stay_with_its_log() -> None:
    services = compose(example("line"))["services"]
    for name in ("gatewaya", "gatewayb", "endpoint"):
        pipeline, agent = services[name], services[f"{name}-agent"]
        assert pipeline["volumes"] == agent["volumes"]
        assert pipeline["volumes"][0]["source"] == name
        assert pipeline["deploy"]["placement"] == agent["deploy"]["placement"]
        assert pipeline["deploy"]["placement"] == {"constraints": [f"node.labels.headwater.{name} == true"]}


def test_a_place_is_a_constraint() -> None:
    places = {"gatewayA": (Place("zone", "eu-1a"), Place("role", "worker")), "server": (Place("hostname", "big"),)}
    services = compose(example("line"), places=places)["services"]
    zone = ["node.labels.zone == eu-1a", "node.role == worker"]
    assert services["gatewaya-agent"]["deploy"]["placement"]["constraints"] == zone
    assert services["server"]["deploy"]["placement"]["constraints"] == ["node.hostname == big"]


def test_replicas_have_different_meters(tmp_path: Path) -> None:
    written = compose_files(example("fork"), Wishes(name="t", version="1", replicas={"sensorsA": 3}))
    services = yaml.safe_load(written[COMPOSE_FILE])["services"]
    assert [services[name]["deploy"]["replicas"] for name in ("sensorsa", "sensorsb")] == [3, 1]
    first, second = load(tmp_path, written["topology.toml"]).sensors
    assert (first.sensor_id_provider, first.shared_journal) == ("idprovider:8080", True)
    assert (second.sensor_id_provider, second.shared_journal) == (None, False)
    assert "idprovider" in services


def test_what_is_no_loopback_listener_is_reached_from_everywhere(tmp_path: Path) -> None:
    text = (EXAMPLES / "single.toml").read_text().replace("127.0.0.1:50051", "0.0.0.0:7000")
    services = compose(load(tmp_path, text))["services"]
    assert services["endpoint"]["ports"] == ["7000:50051"]
    assert services["server"]["ports"] == ["127.0.0.1:5000:5000"]


@pytest.mark.parametrize(
    ("listen", "hosts", "inside"),
    [
        ("127.0.0.1:5000", [], ("server",)),
        ("127.0.0.1:5000", ["grid.example.org"], ("grid.example.org",)),
        ("0.0.0.0:5000", [], ()),
    ],
)
def test_a_server_of_the_loopback_takes_no_name_more_in_a_container(
    tmp_path: Path, listen: str, hosts: list[str], inside: tuple[str, ...]
) -> None:
    text = (EXAMPLES / "single.toml").read_text().replace("127.0.0.1:5000", listen)
    topology = load(tmp_path, text.replace("server = {", f"server = {{hosts = {hosts}, "))
    written = load(tmp_path, compose_files(topology, Wishes(name="t", version="1"))["topology.toml"])
    assert written.server.hosts == inside


def test_a_config_that_changes_has_another_name() -> None:
    names = {compose(example(name))["configs"]["topology"]["name"] for name in NAMES}
    assert len(names) == len(NAMES)


SECRETS = """
server = {webhook = {url = "https://h/", authorization_file = "token"}}
[[node]]
id = "000001"
name = "Gate_way.1"
redis = "redis://localhost:7001/2"
[[node.step]]
kind = "mask"
key_env = "MASK"
[[node.mqtt]]
broker = "mqtt.example.org:8883"
topic = "a/{meter}"
tls = true
username = "u"
password_variable = "P"
ca_file = "ca.pem"
[[node]]
id = "000002"
name = "other"
listen = "127.0.0.1:50052"
redis = "redis://redis.example.org/0"
"""


def test_what_is_secret_comes_as_files_and_in_no_text(tmp_path: Path) -> None:
    written = compose_files(load(tmp_path, SECRETS), Wishes(name="t", version="1"))
    document = yaml.safe_load(written[COMPOSE_FILE])
    names = ["gate-way-1-mqtt-1-ca", "gate-way-1-mqtt-1-password", "gate-way-1-step-1-key", "webhook-authorization"]
    assert sorted(document["secrets"]) == names
    assert sorted(document["services"]["gate-way-1"]["secrets"]) == names[:3]
    assert document["services"]["server"]["secrets"] == names[3:]
    assert "secrets" not in document["services"]["gate-way-1-agent"]
    inside = load(tmp_path, written["topology.toml"])
    (inlet,), (step,) = inside.gateways[0].mqtt, inside.gateways[0].steps
    assert (inlet.broker, inlet.password_variable) == ("mqtt.example.org:8883", None)
    assert str(inlet.password_file) == "/run/secrets/gate-way-1-mqtt-1-password"
    assert getattr(step, "key_file", None) == "/run/secrets/gate-way-1-step-1-key"


def test_a_redis_of_this_machine_becomes_a_container_and_others_stay(tmp_path: Path) -> None:
    written = compose_files(load(tmp_path, SECRETS), Wishes(name="t", version="1"))
    assert yaml.safe_load(written[COMPOSE_FILE])["services"]["redis"]["image"].startswith("redis:")
    inside = load(tmp_path, written["topology.toml"])
    assert [agent.redis for agent in inside.agents] == ["redis://redis:6379/2", "redis://redis.example.org/0"]


def test_a_password_that_is_no_file_of_its_own_is_said(tmp_path: Path) -> None:
    said = "The password in redis of other stands as it is in topology.toml"
    assert said not in compose_files(load(tmp_path, SECRETS), Wishes(name="t", version="1"))[COMPOSE_FILE]
    text = SECRETS.replace("localhost", "u:one@localhost").replace("redis.example", "u:two@redis.example")
    written = compose_files(load(tmp_path, text), Wishes(name="t", version="1"))
    assert said in written[COMPOSE_FILE]
    assert ":one@" not in written["topology.toml"]
    assert written[COMPOSE_FILE].count("The password in redis") == 1


@pytest.mark.parametrize(
    ("text", "wishes", "said"),
    [
        ("{a}{A}", {}, 'The containers of "a" and "A" would both be called a'),
        ("{a}{a-agent}", {}, "would both be called a-agent"),
        ("{Server}", {}, "would both be called server"),
        ("{äöü}", {}, "no letter from a to z"),
        ("{" + "a" * 46 + "}", {}, "too long a name"),
        ("{a}", {"places": {"b": ()}}, '--place: no one is called "b"'),
        ("{a}", {"replicas": {"b": 2}}, '--replicas: no sensors are called "b"; there are none'),
    ],
)
def test_what_cannot_be_is_named(tmp_path: Path, text: str, wishes: dict[str, Any], said: str) -> None:
    names = text.strip("{}").split("}{")
    nodes = "".join(
        f'[[node]]\nid = "00000{at}"\nname = "{name}"\nlisten = "127.0.0.1:5005{at}"\n' for at, name in enumerate(names)
    )
    with pytest.raises(ConfigError) as caught:
        compose(load(tmp_path, nodes), **wishes)
    assert said.lower() in str(caught.value).lower()


def test_the_command_writes_a_folder_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "f"
    given = ["--name", "grid", "--images", "r.example/h/", "--tag", "9", "--place", "gatewayA=zone=z"]
    assert main(["compose", str(EXAMPLES / "line.toml"), "-o", str(folder), *given]) == 0
    assert capsys.readouterr().out == f"{folder}: compose.yaml, topology.toml\n"
    document = yaml.safe_load((folder / COMPOSE_FILE).read_text())
    assert document["services"]["gatewaya"]["image"] == "r.example/h/gateway:9"
    assert document["services"]["gatewaya"]["deploy"]["placement"]["constraints"] == ["node.labels.zone == z"]
    assert document["configs"]["topology"]["name"].startswith("grid-topology-")


@pytest.mark.parametrize("images", ["headwater", "localhost:5000", "Registry.example.org:443/a/b_c"])
def test_what_stands_before_images(tmp_path: Path, images: str) -> None:
    folder = tmp_path / "f"
    assert main(["compose", str(EXAMPLES / "line.toml"), "-o", str(folder), "--images", images]) == 0
    document = yaml.safe_load((folder / COMPOSE_FILE).read_text())
    assert document["services"]["gatewaya"]["image"].startswith(f"{images}/gateway:")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--replicas", "sensors-1"], "SENSORS=N is needed"),
        (["--place", "gatewayA=zone"], "NAME=LABEL=VALUE is needed"),
        (["--name", "A B"], '--name "A B"'),
        (["--images", "my images"], "my images: a registry, or a namespace"),
        (["--images", "https://registry.example.org"], "https://registry.example.org: a registry, or a namespace"),
        (["--images", "r.example/Headwater"], "r.example/Headwater: a registry, or a namespace"),
        (["--images", ""], "a registry, or a namespace"),
        (["--tag", "a b"], "a b: letters, digits"),
        (["--tag", "-a"], "--tag"),
        (["--tag", "a:b"], "a:b: letters, digits"),
    ],
)
def test_a_wrong_option_is_named(
    tmp_path: Path, given: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compose", str(EXAMPLES / "line.toml"), "-o", str(tmp_path / "f"), *given]) == 2
    assert said in capsys.readouterr().err


CASSANDRA = """
server = {data = "s"}
store = {kind = "cassandra", hosts = [HOSTS], user = "u", password_file = "p", ca_file = "ca.pem"}
[[node]]
id = "000001"
name = "n"
"""


def test_a_cassandra_of_this_machine_becomes_a_container_and_a_cluster_stays(tmp_path: Path) -> None:
    here = compose_files(load(tmp_path, CASSANDRA.replace("HOSTS", '"127.0.0.1:9042"')), Wishes(name="t", version="1"))
    services = yaml.safe_load(here[COMPOSE_FILE])["services"]
    assert services["cassandra"]["image"].startswith("cassandra:5.0")
    assert services["cassandra"]["read_only"] is False
    assert services["server"]["secrets"] == ["store-password", "store-ca"]
    store = load(tmp_path, here["topology.toml"]).server.store
    assert isinstance(store, CassandraOptions)
    assert (store.hosts, store.password_file) == (("cassandra:9042",), "/run/secrets/store-password")
    cluster = CASSANDRA.replace("HOSTS", '"c1.example.org:9042", "10.0.0.2:9042"')
    there = compose_files(load(tmp_path, cluster), Wishes(name="t", version="1"))
    assert "cassandra" not in yaml.safe_load(there[COMPOSE_FILE])["services"]
    store = load(tmp_path, there["topology.toml"]).server.store
    assert isinstance(store, CassandraOptions)
    assert store.hosts == ("c1.example.org:9042", "10.0.0.2:9042")


BUCKET = """
[[node]]
id = "000001"
name = "n"
[[sensors]]
target = "n"
bucket = "s3://days/2017"
bucket_endpoint = "https://objects.example.org"
"""


def test_the_keys_to_a_bucket_are_files_of_its_sensors(tmp_path: Path) -> None:
    written = compose_files(load(tmp_path, BUCKET), Wishes(name="t", version="1"))
    services = yaml.safe_load(written[COMPOSE_FILE])["services"]
    assert services["sensors-1"]["secrets"] == ["sensors-1-access-key", "sensors-1-secret-key"]
    assert services["sensors-1"]["environment"] == {
        "AWS_ACCESS_KEY_ID_FILE": "/run/secrets/sensors-1-access-key",
        "AWS_SECRET_ACCESS_KEY_FILE": "/run/secrets/sensors-1-secret-key",
    }
    (group,) = load(tmp_path, written["topology.toml"]).sensors
    assert (group.bucket, group.bucket_endpoint) == ("s3://days/2017", "https://objects.example.org")
