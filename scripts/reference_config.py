"""The parts of `docs/configuration.md`: every key of a topology file."""

import msgspec

from headwater.agent.options import AgentOptions
from headwater.config.read import NODE_KEYS, TOPOLOGY_KEYS
from headwater.config.server import SERVER_KEYS
from headwater.config.topology import SENSOR_KEYS, ServerOptions
from headwater.emulator.options import IdProviderOptions, SensorOptions
from headwater.health.chaos.options import ChaosOptions
from headwater.pipeline.options import GatewayOptions
from headwater.pipeline.step_options import KINDS
from scripts.reference_types import Field, fields, structs_in, table

FILE = {
    "site": Field("site", "text", '`"default"`', "Names the whole; a store holds one site, and links refuse another."),
    "server": Field("server", "table", "", "The server, see below."),
    "store": Field("store", "table", '`{kind = "sqlite"}`', "Where stamps are kept, see below."),
    "chaos": Field("chaos", "table", "", "Whether faults may be asked for, see below."),
    "node": Field("node", "list of tables", "needed", "The nodes, each `[[node]]`."),
    "idprovider": Field("idprovider", "table", "", "An id provider to run, see below; absent: none."),
    "sensors": Field("sensors", "list of tables", "", "Groups of sensors to emulate, each `[[sensors]]`."),
}
SERVER = {"data": Field("data", "path", '`"var/server"`', "The server's folder.")}
NODE = {
    "id": Field("id", "6 hexadecimal digits", "needed", "The node's id: the end of every id that it gives."),
    "name": Field("name", "text", "needed", "What the node is called, here and in answers: letters, digits, `_ . -`."),
    "agent_listen": Field("agent_listen", "host:port", "port of `listen` + 10", "Where its agent serves readings."),
    "agent_address": Field("agent_address", "host:port", "host of `address`", "Where others find its agent."),
    "next": Field("next", "name or host:port", "", "The next hop; without one the node is an endpoint."),
    "data": Field("data", "path", "beside the server's", "The node's folder: its log."),
    "step": Field("step", "list of tables", "", "What the node makes of readings, each `[[node.step]]`, in order."),
    "when_full": Field(
        *("when_full", '`"block"`, `"drop_oldest"`', '`"block"`'),
        "What gives way when the log is full of unsent readings: those who send, or the oldest readings.",
    ),
}
SAID = {
    "GatewayOptions": {
        "next_protocol": "`push_data` speaks the protocol of 2018 to the next hop.",
        "location": "Where the node is, as its stamps record it.",
        "log_bytes_max": "The most bytes that the log takes on disk.",
        "segment_bytes": "The size of one file of the log, in bytes; at most half of log_bytes_max.",
        "sync_interval_ms_min": "The least time between two syncs; 0 syncs again as soon as it can.",
        "http": "What is posted, and how much of it.",
    },
    "SensorOptions": {
        "name": "What the group is called.",
        "timestamps": "`now` replaces the recorded times by the clock's.",
        "metric_column": "The same for the metric.",
        "time_column": "The same for the time.",
        "delimiter": "What separates columns; recognised unless given.",
    },
    "MqttOptions": {
        "format": "How payloads are written.",
        "mapping": "Where things are in a payload, see below.",
        "version": "The version of MQTT.",
        "payload_bytes_max": "A larger payload is refused.",
        "keepalive_s": "Seconds between signs of life.",
        "username": "Who the gateway is at the broker.",
        "tls": "Encrypt, and check the broker's certificate.",
        "certificate_file": "The gateway's own certificate, for brokers that ask for one.",
        "key_file": "Its key.",
    },
    "MappingOptions": {"value": "A path to the value."},
    "HttpOptions": {"mapping": "Where things are in a body, see below."},
    "Location": {
        "label": "What the place is called.",
        "latitude": "Degrees, WGS 84.",
        "longitude": "Degrees, WGS 84.",
    },
    "ScaleOptions": {"factor": "Multiply by this.", "offset": "Then add this."},
    "AggregateOptions": {
        "function": "What becomes of a window's values.",
        "window_s": "The length of a window, in seconds of event time.",
        "output": "`add` sends results along with the readings, `replace` instead of them.",
    },
}
"""Sentences for keys that have none in the code."""
_HEADS = ("key", "type", "default", "")


def parts() -> dict[str, str]:
    """By table of the file: `[server]` and the like for those with keys of their own, else the name of the struct."""
    node = {field.name: field for struct in (AgentOptions, GatewayOptions) for field in _fields(struct)} | NODE
    server = {field.name: field for field in _fields(ServerOptions)} | SERVER
    sensors = {field.name: field for field in _fields(SensorOptions)}
    made = {
        "topology": _rows(
            "the topology file", [FILE.get(key) or _unknown("a topology file", key) for key in TOPOLOGY_KEYS]
        ),
        "[server]": _rows("[server]", [server.get(key) or _unknown("[server]", key) for key in SERVER_KEYS]),
        "[chaos]": _rows("[chaos]", _fields(ChaosOptions)),
        "[[node]]": _rows("[[node]]", [node.get(key) or _unknown("[[node]]", key) for key in NODE_KEYS]),
        "[idprovider]": _rows("[idprovider]", _fields(IdProviderOptions)),
        "[[sensors]]": _rows("[[sensors]]", [sensors.get(key) or _unknown("[[sensors]]", key) for key in SENSOR_KEYS]),
    }
    for struct in tables():
        made[struct.__name__] = _rows(struct.__name__, _fields(struct))
    return made


def tables() -> list[type[msgspec.Struct]]:
    """Every struct that a topology file can hold below a node, the store or sensors."""
    found: list[type[msgspec.Struct]] = []
    seen: list[type[msgspec.Struct]] = [GatewayOptions, ServerOptions, SensorOptions, AgentOptions, *KINDS.values()]
    for struct in seen:
        if struct not in (GatewayOptions, ServerOptions, SensorOptions, AgentOptions) and struct not in found:
            found.append(struct)
        for field in msgspec.structs.fields(struct):
            seen += [inside for inside in structs_in(field.type) if inside not in seen]
    return found


def _fields(struct: type[msgspec.Struct]) -> list[Field]:
    kind = struct.__struct_config__.tag
    named = fields(struct, SAID.get(struct.__name__))
    if kind is None:
        return named
    return [Field("kind", f'`"{kind}"`', "needed", "Which of them it is."), *named]


def _unknown(where: str, key: str) -> Field:
    return Field(key, "", "", "")


def _rows(where: str, found: list[Field]) -> str:
    for field in found:
        if not field.sentence:
            raise SystemExit(
                f"the key {field.name} of {where} has no sentence: write a docstring below it in its options, or a "
                "line in scripts/reference_config.py, and run make reference"
            )
    return table(_HEADS, [(f"`{field.name}`", *field[1:]) for field in found])
