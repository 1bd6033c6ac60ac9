"""`headwater gateway`: the options of 2018, its configuration, and ours."""

from pathlib import Path

import pytest

from headwater.cli.gateway import PROPERTIES_FILE, gateway_options, parser
from headwater.config import load_topology
from headwater.model.context import ALL_METRICS, Location
from headwater.model.errors import ConfigError
from headwater.pipeline.options import GatewayOptions

FORK = Path(__file__).resolve().parents[2] / "examples/topologies/fork.toml"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def options(*arguments: str, **environment: str) -> GatewayOptions:
    return gateway_options(parser().given(arguments), environment)


def refusal(*arguments: str, **environment: str) -> str:
    with pytest.raises(ConfigError) as caught:
        options(*arguments, **environment)
    return str(caught.value)


def test_without_arguments_it_is_an_endpoint_with_the_defaults() -> None:
    assert options() == GatewayOptions(node=0, name="NONAME", data=Path("var/000000"))
    assert (options().listen, options().next, options().storagetime_s) == ("127.0.0.1:50051", None, 3600)


SHORT = ("-p", "6000", "-hn", "roof", "-pn", "6001", "-loc", "berlin", "-st", "60", "-no", "-v")
LONG = (
    *("--port", "6000", "--host_next", "roof", "--port_next", "6001", "--location", "berlin"),
    *("--storagetime", "60", "--no_prov", "--verbose"),
)


@pytest.mark.parametrize("arguments", [SHORT, LONG, tuple(name.replace("_", "-") for name in LONG)])
def test_the_options_of_2018_mean_what_they_meant(arguments: tuple[str, ...]) -> None:
    made = options(*arguments)
    assert (made.listen, made.next) == ("127.0.0.1:6000", "roof:6001")
    assert (made.location, made.storagetime_s, made.provenance) == (Location("berlin"), 60, False)


def test_our_own_options_go_with_them() -> None:
    made = options("--host", "0.0.0.0", "--data", "d", "--node", "00000F", "--new-log")
    assert (made.listen, made.data, made.node, made.new_log) == ("0.0.0.0:50051", Path("d"), 15, True)


def test_the_environment_configures_when_it_is_asked_to() -> None:
    variables = {"NODE_ID": "000005", "NODE_NAME": "five", "SUCCESSOR": "000006", "METRICS": "ctime, loc"}
    made = options(CONF_LOC="EVAR", **variables)
    assert (made.node, made.name, made.successor, made.metrics) == (5, "five", 6, ("ctime", "loc"))
    assert made.data == Path("var/000005")
    ignored = options(**variables)
    assert (ignored.node, ignored.metrics, ignored.successor) == (0, ALL_METRICS, None)


@pytest.mark.parametrize("how", ["default", "option", "variable"])
def test_a_properties_file_configures_otherwise(how: str, tmp_path: Path) -> None:
    path = tmp_path / (PROPERTIES_FILE if how == "default" else "node.properties")
    path.parent.mkdir(exist_ok=True)
    path.write_text("NODE_ID = 000007\nNODE_NAME = gr\\u00fcn\n")
    arguments = ("-prop", "node.properties") if how == "option" else ()
    variables = {"provenance_properties": "node.properties"} if how == "variable" else {}
    made = options(*arguments, **variables)
    assert (made.node, made.name) == (7, "grün")


def test_a_properties_file_may_be_in_latin_1(tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes("NODE_NAME = grün".encode("latin-1"))
    assert options("-prop", "p").name == "grün"


def test_a_topology_file_says_everything() -> None:
    made = options("--config", str(FORK), "--name", "gatewayC", "--new-log")
    assert made.new_log
    assert made.steps == load_topology(FORK).gateway("gatewayC").steps
    assert not options("--config", str(FORK), "--name", "gatewayC").new_log


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--port", "0"), "argument -p/--port: 0 is no port: 1 to 65535"),
        (("--port", "x"), "x is no port"),
        (("--host_next", "roof"), "a next hop needs --host_next and --port_next"),
        (("--port_next", "1"), "a next hop needs --host_next and --port_next"),
        (("--storagetime", "-1"), "command line: storagetime_s = -1: expected int >= 0"),
        (("--storagetime", "soon"), "-st/--storagetime: invalid int value: 'soon'"),
        (("--node", "5"), "--node: '5' is not a node id: 6 hexadecimal digits are needed"),
        (("--propertiesfile", "none"), "none: cannot be read: No such file or directory"),
        (("--config", "none.toml"), "none.toml: cannot be read"),
        (("--config", str(FORK)), "--config needs --name with it, one of: gatewayA, gatewayB, gatewayC, endpoint"),
        (("--config", str(FORK), "--name", "gatewayX"), 'no node is called "gatewayX"; did you mean'),
        (("--config", str(FORK), "--port", "5"), "--port does not go with --config: the topology file says it"),
        (("--name", "x"), "--name goes with --config"),
        (("gateway", "extra"), "unrecognized arguments: gateway extra"),
    ],
)
def test_what_cannot_be_used_is_named(arguments: tuple[str, ...], told: str) -> None:
    assert told in refusal(*arguments)


def test_a_wrong_variable_is_named() -> None:
    assert refusal(CONF_LOC="EVAR", SINK="cassandra").endswith("whose [store] can be Cassandra; use SINK = headwater")


def test_a_wrong_key_of_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("NODE_IDS = 000001")
    assert refusal("-prop", "p") == 'p, line 1: unknown key "NODE_IDS"; did you mean "NODE_ID"?'
