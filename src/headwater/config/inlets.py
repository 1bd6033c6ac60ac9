"""The ways in of a node in a topology file: `[[node.mqtt]]`, `http_listen` and `[node.http]`."""

from pathlib import Path

import msgspec

from headwater.config.address import parse_address
from headwater.config.toml import Table
from headwater.pipeline.inlets import MQTT_PORT, MQTTS_PORT, HttpOptions, MqttOptions
from headwater.pipeline.mapping import MappingOptions

_FILES = ("password_file", "ca_file", "certificate_file", "key_file")


def read_mqtt(table: Table, folder: Path) -> MqttOptions:
    """One `[[node.mqtt]]`, its files taken from `folder`; ConfigError like `load_topology`."""
    table.known(MqttOptions.__struct_fields__)
    values: dict[str, object] = {**table.values, "broker": _broker(table), "mapping": _mapping(table)}
    for name in _FILES:
        if name in values:
            values[name] = folder / table.string(name)
    return table.build(MqttOptions, values)


def read_http(table: Table) -> HttpOptions:
    """The table `[node.http]`; ConfigError like `load_topology`."""
    table.known(HttpOptions.__struct_fields__)
    return table.build(HttpOptions, {**table.values, "mapping": _mapping(table)})


def mqtt_values(options: MqttOptions) -> dict[str, object]:
    """What a `[[node.mqtt]]` says that means these options."""
    files = {name: str(path.absolute()) for name in _FILES if (path := getattr(options, name)) is not None}
    plain: dict[str, object] = {
        name: getattr(options, name) for name in options.__struct_fields__ if name not in (*_FILES, "mapping")
    }
    return {**plain, **files, "mapping": mapping_values(options.mapping)}


def http_values(options: HttpOptions) -> dict[str, object]:
    """What a `[node.http]` says that means these options."""
    return {"body_bytes_max": options.body_bytes_max, "mapping": mapping_values(options.mapping)}


def mapping_values(mapping: MappingOptions) -> dict[str, object]:
    """What a mapping says, absent names left out."""
    values: dict[str, object] = msgspec.to_builtins(mapping)
    return {name: value for name, value in values.items() if value is not None}


def _mapping(table: Table) -> MappingOptions:
    mapping = table.table("mapping")
    mapping.known(MappingOptions.__struct_fields__)
    return mapping.build(MappingOptions, mapping.values)


def _broker(table: Table) -> str:
    """host:port; the port is the usual one where it is left out."""
    broker = table.string("broker")
    if ":" in broker:
        return str(table.read("broker", parse_address))
    usual = f"{broker}:{MQTTS_PORT if table.values.get('tls') is True else MQTT_PORT}"
    try:
        return str(parse_address(usual))
    except ValueError:
        raise table.error("broker", "host:port is needed, such as 127.0.0.1:1883") from None
