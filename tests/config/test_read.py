"""What a topology file means, and what is said when it cannot be used."""
# ruff: noqa: E501 (a table reads better with one mistake a line)

from pathlib import Path

import pytest

from headwater.config import ServerOptions, Topology, format_topology, load_topology
from headwater.model.context import Location
from headwater.model.errors import ConfigError
from headwater.pipeline.step_options import AggregateOptions
from headwater.store.cassandra2018.options import Cassandra2018Options

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples/topologies"
HOPS = {
    "single": [0],
    "two-node": [1, 0],
    "triangle": [1, 1, 0],
    "line": [2, 1, 0],
    "fork": [2, 2, 1, 0],
    "ingest": [1, 0],
    "cassandra": [1, 0],
    "three-machines": [2, 1, 0],
    "steps": [2, 1, 0],
    "seven-node": [2, 2, 2, 2, 1, 1, 0],
    "twelve-node": [4, 4, 4, 4, 3, 3, 3, 3, 2, 2, 1, 0],
    "fifteen-node": [4, 4, 3, 3, 4, 4, 3, 4, 3, 3, 3, 2, 2, 1, 0],
}
GOOD = """\
site = "hall"
server = {listen = "127.0.0.1:6000", data = "run/server"}
store = {kind = "sqlite"}

[[node]]
id = "00000A"
name = "gatewayA"
listen = "127.0.0.1:50051"
agent_listen = "127.0.0.1:50100"
next = "gatewayB"
location = {label = "TU-MAR", latitude = 52.51, longitude = 13.32}
data = "run/a"
storagetime_s = 60
metrics = ["meterid", "ctime"]

[[node]]
id = "00000b"
name = "gatewayB"
listen = "0.0.0.0:50052"

[[node.step]]
kind = "aggregate"
function = "average"
window_s = 900
lateness_s = 60
output = "add"

[[sensors]]
target = "gatewayA"
data = "days"
rate = 50
timestamps = "now"
"""


def load(folder: Path, text: str) -> Topology:
    path = folder / "t.toml"
    path.write_text(text, encoding="utf-8")
    return load_topology(path)


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    message = str(caught.value)
    assert message.startswith(f"{folder / 't.toml'}")
    return message.removeprefix(f"{folder / 't.toml'}: ").removeprefix(f"{folder / 't.toml'}, ")


def test_a_gateway_gets_what_its_table_says(tmp_path: Path) -> None:
    gateway = load(tmp_path, GOOD).gateway("gatewayA")
    assert (gateway.node, gateway.site, gateway.listen) == (10, "hall", "127.0.0.1:50051")
    assert gateway.location == Location("TU-MAR", 52.51, 13.32)
    assert (gateway.storagetime_s, gateway.metrics) == (60, ("meterid", "ctime"))
    assert (gateway.log_bytes_max, gateway.when_full, gateway.provenance) == (1 << 30, "block", True)


def test_the_buffer_of_a_node_is_its_agents(tmp_path: Path) -> None:
    given = GOOD.replace("storagetime_s = 60", "storagetime_s = 60\nbuffer_capacity = 10")
    topology = load(tmp_path, given)
    assert [agent.buffer_capacity for agent in topology.agents] == [10, 0]
    (tmp_path / "t.toml").write_text(format_topology(topology))
    assert load_topology(tmp_path / "t.toml") == topology
    assert "buffer_capacity" in refusal(tmp_path, given.replace("= 10\n", "= 100001\n"))


def test_the_redis_of_a_node_is_its_agents_and_keeps_readings_as_long_as_the_log(tmp_path: Path) -> None:
    given = GOOD.replace("storagetime_s = 60", 'storagetime_s = 60\nredis = "redis://127.0.0.1:6379/0"')
    topology = load(tmp_path, given)
    assert [(agent.redis, agent.storagetime_s) for agent in topology.agents] == [
        ("redis://127.0.0.1:6379/0", 60),
        (None, 3600),
    ]
    (tmp_path / "t.toml").write_text(format_topology(topology))
    assert load_topology(tmp_path / "t.toml") == topology


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ('redis = "127.0.0.1:6379"', "must be redis://HOST:PORT/DB, rediss://HOST:PORT/DB or unix:///PATH?db=DB"),
        ('redis = "redis://h/name"', "/name is no database: a number is needed, such as redis://127.0.0.1:6379/0"),
        ("redis = 6379", "expected a string, got int"),
        (
            'redis = "redis://h"\nprovenance = false',
            "readings are kept by their id there, and provenance = false gives",
        ),
    ],
)
def test_a_redis_that_cannot_be_used_is_told_with_its_place(tmp_path: Path, given: str, said: str) -> None:
    message = refusal(tmp_path, GOOD.replace("storagetime_s = 60", given))
    assert "redis" in message
    assert said in message
    assert 'in [[node]] 1 ("gatewayA"), line 13' in message


def test_paths_are_relative_to_the_file_and_folders_lie_beside_the_servers(tmp_path: Path) -> None:
    topology = load(tmp_path, GOOD)
    assert topology.server.data == tmp_path / "run/server"
    assert topology.gateway("gatewayA").data == topology.agent("gatewayA").data == tmp_path / "run/a"
    assert topology.gateway("gatewayA").log == tmp_path / "run/a/log"
    assert topology.gateway("gatewayB").data == tmp_path / "run/gatewayB"
    assert topology.sensors[0].data == tmp_path / "days"
    assert topology.sensors[0].journal == tmp_path / "run/sensors-1"
    assert topology.folder == tmp_path / "run"


def test_names_become_addresses_that_this_machine_reaches(tmp_path: Path) -> None:
    topology = load(tmp_path, GOOD)
    assert topology.gateway("gatewayA").next == "127.0.0.1:50052"
    assert topology.gateway("gatewayA").successor == 11
    assert topology.gateway("gatewayB").next is None
    assert topology.gateway("gatewayB").listen == "0.0.0.0:50052"
    assert topology.sensors[0].target == "127.0.0.1:50051"


def test_an_agent_listens_ten_ports_further_unless_told(tmp_path: Path) -> None:
    topology = load(tmp_path, GOOD)
    assert topology.agent("gatewayA").listen == "127.0.0.1:50100"
    assert topology.agent("gatewayB").listen == "0.0.0.0:50062"


def test_agents_ship_to_the_port_behind_rest(tmp_path: Path) -> None:
    topology = load(tmp_path, GOOD)
    assert topology.server.ingest == "127.0.0.1:6001"
    assert {agent.server for agent in topology.agents} == {"127.0.0.1:6001"}
    assert topology.server.api.listen == "127.0.0.1:6000"


def test_the_process_that_answers_rest_is_told_what_sql_may_take(tmp_path: Path) -> None:
    text = GOOD.replace('run/server"', 'run/server", sql = {time_s_max = 2, rows = 7, memory_bytes_max = 100000000}')
    api = load(tmp_path, text).server.api
    assert (api.sql.time_s_max, api.sql.rows, api.sql.memory_bytes_max, api.sql.at_once) == (2, 7, 100_000_000, 2)
    assert (api.site, api.folder) == ("hall", str(tmp_path / "run/server/store"))


def test_a_hop_outside_the_file_is_named_by_its_address(tmp_path: Path) -> None:
    text = GOOD.replace('next = "gatewayB"', 'next = "10.0.0.9:50051"\nnext_protocol = "push_data"')
    gateway = load(tmp_path, text).gateway("gatewayA")
    assert (gateway.next, gateway.next_protocol, gateway.successor) == ("10.0.0.9:50051", "push_data", None)


def test_a_node_is_enough(tmp_path: Path) -> None:
    topology = load(tmp_path, '[[node]]\nid = "000001"\nname = "n"\n')
    assert topology.gateways[0].listen == "127.0.0.1:50051"
    assert topology.agents[0].listen == "127.0.0.1:50061"
    assert topology.server == ServerOptions(data=tmp_path / "var/server")


@pytest.mark.parametrize("name", HOPS)
def test_an_example_loads_and_has_its_shape(name: str) -> None:
    topology = load_topology(EXAMPLES / f"{name}.toml")
    assert [topology.hops(gateway.name) for gateway in topology.gateways] == HOPS[name]
    assert topology.folder == EXAMPLES / "var" / name


@pytest.mark.parametrize("name", HOPS)
def test_no_two_sensors_of_an_example_are_the_same_meter(name: str) -> None:
    groups = load_topology(EXAMPLES / f"{name}.toml").sensors
    meters = [meter for group in groups for meter in range(group.first_meter, group.first_meter + group.meter_count)]
    assert len(set(meters)) == len(meters)


def test_every_example_is_known() -> None:
    assert {path.stem for path in EXAMPLES.iterdir() if path.suffix == ".toml"} == set(HOPS)


def test_the_fork_averages_at_its_third_gateway() -> None:
    fork = load_topology(EXAMPLES / "fork.toml")
    (step,) = fork.gateway("gatewayC").steps
    assert isinstance(step, AggregateOptions)
    assert (step.function, step.window_s, step.lateness_s, step.output) == ("average", 900, 60, "add")
    assert [group.target for group in fork.sensors] == ["127.0.0.1:50051", "127.0.0.1:50052"]


WRONG = {
    "unknown key at the top": (("site =", "sites ="), 'unknown key "sites", line 1; did you mean "site"?'),
    "unknown key of the server": (("data = \"run/server\"", "port = 1"), 'unknown key "port" in [server], line 2; there are address, dashboard, data, health, hosts, listen'),
    "a dashboard that is no answer": (("data = \"run/server\"", "dashboard = \"no\""), "expected true or false, got str"),
    "hosts that are no list": (("data = \"run/server\"", "hosts = \"grid\""), "hosts = \"grid\" in [server], line 2: expected a list of strings"),
    "a host with a port": (("data = \"run/server\"", "hosts = [\"grid:80\"]"), "hosts in [server], line 2: \"grid:80\" is not the name of a host, such as grid.example.org"),
    "unknown key of a node": (("location =", "lokation ="), 'unknown key "lokation" in [[node]] 1 ("gatewayA"), line 11; did you mean "location"?'),
    "unknown key of a location": (("latitude =", "lat ="), 'unknown key "lat" in location of [[node]] 1 ("gatewayA"), line 11; there are label, latitude, longitude'),
    "unknown key of a step": (("lateness_s =", "lateness ="), 'unknown key "lateness" in [[node.step]] 1 of [[node]] 2 ("gatewayB"), line 25; did you mean "lateness_s"?'),
    "unknown key of sensors": (("rate =", "rates ="), 'unknown key "rates" in [[sensors]] 1, line 31; did you mean "rate"?'),
    "new_log is for the command line": (("storagetime_s = 60", "new_log = true"), 'unknown key "new_log" in [[node]] 1 ("gatewayA"), line 13; there are address, agent_address, agent_listen, '),
    "site is for the whole file": (("storagetime_s = 60", 'site = "x"'), 'unknown key "site" in [[node]] 1 ("gatewayA"), line 13; '),
    "wrong type": (("storagetime_s = 60", 'storagetime_s = "soon"'), 'storagetime_s = "soon" in [[node]] 1 ("gatewayA"), line 13: expected int, got str'),
    "no fraction": (("storagetime_s = 60", "storagetime_s = 60.5"), 'storagetime_s = 60.5 in [[node]] 1 ("gatewayA"), line 13: expected int, got float'),
    "out of bounds": (("storagetime_s = 60", "storagetime_s = -1"), 'storagetime_s = -1 in [[node]] 1 ("gatewayA"), line 13: expected int >= 0'),
    "no boolean": (("storagetime_s = 60", "provenance = 1"), 'provenance = 1 in [[node]] 1 ("gatewayA"), line 13: expected bool, got int'),
    "no such choice": (("storagetime_s = 60", 'when_full = "drop"'), 'when_full = "drop" in [[node]] 1 ("gatewayA"), line 13: must be one of block, drop_oldest'),
    "no such protocol": (("storagetime_s = 60", 'next_protocol = "http"'), 'next_protocol = "http" in [[node]] 1 ("gatewayA"), line 13: must be one of push_batches, push_data'),
    "no such metric": (('"ctime"]', '"time"]'), '[[node]] 1 ("gatewayA"): "time" is not a metric: there are meterid, metricid, loc, line, class, app, ctime, stime, rtime'),
    "a metric twice": (('"ctime"]', '"meterid"]'), '[[node]] 1 ("gatewayA"): the metric "meterid" is named twice'),
    "a budget below two segments": (("storagetime_s = 60", "log_bytes_max = 100000000"), '[[node]] 1 ("gatewayA"): log_bytes_max = 100000000 must be at least twice segment_bytes = 67108864'),
    "a missing id": (('id = "00000A"\n', ""), '"id" is missing in [[node]] 1 ("gatewayA"), line 5'),
    "a missing name": (('name = "gatewayA"\n', ""), '"name" is missing in [[node]] 1, line 5'),
    "a bad id": (('"00000A"', '"0000A"'), 'id = "0000A" in [[node]] 1 ("gatewayA"), line 6: \'0000A\' is not a node id: 6 hexadecimal digits are needed'),
    "a number as id": (('"00000A"', "10"), 'id = 10 in [[node]] 1 ("gatewayA"), line 6: expected a string, got int'),
    "a bad name": (('"gatewayA"\nlisten', '"gateway A"\nlisten'), 'name = "gateway A" in [[node]] 1 ("gateway A"), line 7: must be letters, digits, _ . - (no blanks)'),
    "a bad site": (('"hall"', '"a/b"'), 'site = "a/b", line 1: must be letters'),
    "no port": (('"127.0.0.1:50051"', '"127.0.0.1"'), 'listen = "127.0.0.1" in [[node]] 1 ("gatewayA"), line 8: "127.0.0.1" is not an address: host:port is needed'),
    "a port too high": (("127.0.0.1:50051", "127.0.0.1:70000"), 'listen = "127.0.0.1:70000" in [[node]] 1 ("gatewayA"), line 8: port 70000 is not between 1 and 65535'),
    "no port for the agent": (("0.0.0.0:50052", "0.0.0.0:65530"), 'listen = "0.0.0.0:65530" in [[node]] 2 ("gatewayB"), line 19: the agent\'s port would be 10 more, which is none: set agent_listen'),
    "no port for the ingest": (("127.0.0.1:6000", "127.0.0.1:65535"), 'listen = "127.0.0.1:65535" in [server], line 2: the ingest needs the next port, and there is none'),
    "an unknown next hop": (('next = "gatewayB"', 'next = "gatewayX"'), 'next = "gatewayX" in [[node]] 1 ("gatewayA"), line 10: no [[node]] has this name; did you mean "gatewayB"?'),
    "an unknown target": (('target = "gatewayA"', 'target = "meter"'), 'target = "meter" in [[sensors]] 1, line 29: no [[node]] has this name; there are gatewayA, gatewayB'),
    "a missing target": (('target = "gatewayA"\n', ""), '"target" is missing in [[sensors]] 1, line 28'),
    "a circle": (('name = "gatewayB"', 'name = "gatewayB"\nnext = "gatewayA"'), "next goes in a circle: gatewayA -> gatewayB -> gatewayA"),
    "itself as next hop": (('next = "gatewayB"', 'next = "gatewayA"'), "next goes in a circle: gatewayA -> gatewayA"),
    "an id twice": (('"00000b"', '"00000a"'), '[[node]] 2 ("gatewayB") has the same id as [[node]] 1 ("gatewayA"): 00000a'),
    "a name twice": (('name = "gatewayB"', 'name = "gatewayA"'), 'name = "gatewayA" in [[node]] 2 ("gatewayA"), line 18: [[node]] 1 ("gatewayA") is called "gatewayA" already'),
    "the name of the server": (('name = "gatewayB"', 'name = "server"'), 'name = "server" in [[node]] 2 ("server"), line 18: the server is called "server" already'),
    "the name of a node for sensors": (('target = "gatewayA"', 'target = "gatewayA"\nname = "gatewayB"'), 'name = "gatewayB" in [[sensors]] 1 ("gatewayB"), line 30: [[node]] 2 ("gatewayB") is called "gatewayB" already'),
    "the name of unnamed sensors": (('name = "gatewayB"', 'name = "sensors-1"'), 'name in [[sensors]] 1, line 28: [[node]] 2 ("sensors-1") is called "sensors-1" already'),
    "an address twice": (("0.0.0.0:50052", "0.0.0.0:50051"), '[[node]] 2 ("gatewayB") has the same address as [[node]] 1 ("gatewayA"): 127.0.0.1:50051'),
    "the address of an agent": (("0.0.0.0:50052", "127.0.0.1:50100"), '[[node]] 2 ("gatewayB") has the same address as the agent of [[node]] 1 ("gatewayA"): 127.0.0.1:50100'),
    "the address of the ingest": (("0.0.0.0:50052", "127.0.0.1:6001"), '[[node]] 2 ("gatewayB") has the same address as the ingest of server: 127.0.0.1:6001'),
    "a folder twice": (('data = "run/a"', 'data = "run/gatewayB"'), '[[node]] 2 ("gatewayB") has the same folder as [[node]] 1 ("gatewayA")'),
    "a key of the other store": (('kind = "sqlite"', 'kind = "cassandra", period_days = 3'), 'unknown key "period_days" in [store], line 3; '),
    "a keyspace in capitals": (('kind = "sqlite"', 'kind = "cassandra", keyspace = "Head water"'), 'keyspace = "Head water" in [store], line 3: '),
    "a consistency that is none": (('kind = "sqlite"', 'kind = "cassandra", consistency = "MOST"'), 'consistency = "MOST" in [store], line 3: must be one of '),
    "no copy": (('kind = "sqlite"', 'kind = "cassandra", replication = {dc1 = 0}'), 'in [store], line 3'),
    "a bucket that is no quarters of an hour": (('kind = "sqlite"', 'kind = "cassandra", bucket_s = 1000'), 'bucket_s = 1000 in [store], line 3: '),
    "an unknown store": (('"sqlite"', '"mysql"'), 'kind = "mysql" in [store], line 3: must be one of sqlite, cassandra'),
    "an id provider that is not there": (('target = "gatewayA"', 'target = "gatewayA"\nsensor_id_provider = "idprovider"'), 'there is no [idprovider] in this file'),
    "a start id of letters": (('site = "hall"', 'site = "hall"\nidprovider = {start_id = "x"}'), 'start_id = "x" in [idprovider], line 2: '),
    "an id provider where REST is": (('site = "hall"', 'site = "hall"\nidprovider = {listen = "127.0.0.1:6000"}'), "has the same address"),
    "an unknown key of SQL": (('run/server"', 'run/server", sql = {seconds = 3}'), 'unknown key "seconds" in sql of [server], line 2; '),
    "a query without memory": (('run/server"', 'run/server", sql = {memory_bytes_max = 5}'), "memory_bytes_max = 5 in sql of [server], line 2: "),
    "more rows than there may be": (('run/server"', 'run/server", sql = {rows = 9, rows_max = 5}'), "rows = 9 in sql of [server], line 2: rows_max is 5"),
    "an unknown key of the store": (('kind = "sqlite"', 'kind = "sqlite", hosts = []'), 'unknown key "hosts" in [store], line 3; '),
    "a period of words": (('kind = "sqlite"', 'kind = "sqlite", period_days = "two"'), 'period_days = "two" in [store], line 3: expected int, got str'),
    "an unknown step": (('kind = "aggregate"', 'kind = "sieve"'), 'kind = "sieve" in [[node.step]] 1 of [[node]] 2 ("gatewayB"), line 22: must be one of aggregate, filter, scale'),
    "a step without a kind": (('kind = "aggregate"\n', ""), '"kind" is missing in [[node.step]] 1 of [[node]] 2 ("gatewayB"), line 21'),
    "a step without a window": (("window_s = 900\n", ""), '[[node.step]] 1 of [[node]] 2 ("gatewayB"): "window_s" is missing'),
    "an unknown function": (('"average"', '"median"'), 'function = "median" in [[node.step]] 1 of [[node]] 2 ("gatewayB"), line 23: must be one of average, count, last, max, min, sum'),
    "a window of nothing": (("window_s = 900", "window_s = 0"), 'window_s = 0 in [[node.step]] 1 of [[node]] 2 ("gatewayB"), line 24: expected int >= 1'),
    "half a place": ((", longitude = 13.32", ""), '"longitude" is missing in location of [[node]] 1 ("gatewayA"), line 11'),
    "no such latitude": (("52.51", "152.51"), 'latitude = 152.51 in location of [[node]] 1 ("gatewayA"), line 11: must lie between -90 and 90 degrees'),
    "a latitude that is no number": (("52.51", "nan"), "must lie between -90 and 90 degrees"),
    "a location that is no table": (('{label = "TU-MAR", latitude = 52.51, longitude = 13.32}', '"x"'), 'location = "x" in [[node]] 1 ("gatewayA"), line 11: expected a table'),
    "rate and frequency": (("rate = 50", "rate = 50\nfrequency_ms = 5"), "rate = 50 in [[sensors]] 1, line 31: takes the place of frequency_ms: give one of the two"),
    "no rate": (("rate = 50", "rate = nan"), "rate = nan in [[sensors]] 1, line 31: expected float > 0.0"),
    "no speed": (("rate = 50", "speed = inf"), "speed = inf in [[sensors]] 1, line 31: expected float <= 1000000.0"),
    "no such timestamps": (('"now"', '"later"'), 'timestamps = "later" in [[sensors]] 1, line 32: must be one of now, recorded'),
    "a node that is no table": ((GOOD, "node = 5"), "node = 5, line 1: expected tables that each begin with [[node]]"),
    "no node": ((GOOD, ""), '"node" is missing'),
    "not TOML": (("site =", "site"), "not TOML: "),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_a_mistake_is_named_with_its_place(wrong: str, tmp_path: Path) -> None:
    (right, mistaken), told = WRONG[wrong]
    assert right in GOOD
    assert told in refusal(tmp_path, GOOD.replace(right, mistaken, 1))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read: No such file"):
        load_topology(tmp_path / "none.toml")


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_bytes(b'site = "\xff"')
    with pytest.raises(ConfigError, match=r"t\.toml: not UTF-8 at byte 8"):
        load_topology(tmp_path / "t.toml")


def test_a_name_that_nobody_has_is_named_with_those_there_are(tmp_path: Path) -> None:
    topology = load(tmp_path, GOOD)
    with pytest.raises(ConfigError, match='no node is called "gatewayC"; did you mean "gatewayB"'):
        topology.gateway("gatewayC")
    with pytest.raises(ConfigError, match='no group of sensors is called "x"; there are sensors-1'):
        topology.sensor("x")


OLD = 'server = {listen = "127.0.0.1:6000"}\nstore = {kind = "cassandra-2018", keyspace = "old", password_file = "word"}\n'


def test_a_server_of_tables_of_2018_has_no_nodes(tmp_path: Path) -> None:
    path = tmp_path / "old.toml"
    path.write_text(OLD)
    server = load_topology(path).server
    assert server.only_reads
    assert server.api.ingest is None
    assert server.store == Cassandra2018Options(keyspace="old", password_file=str(tmp_path / "word"))
    path.write_text(OLD + GOOD.partition("\n\n")[2])
    with pytest.raises(ConfigError, match="only read: nodes need another store"):
        load_topology(path)
