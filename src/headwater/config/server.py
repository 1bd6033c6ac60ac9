"""Reading what a topology file says of its server, of what that keeps and answers, and of its id provider."""

import re
from pathlib import Path

import msgspec

from headwater.config.address import parse_address
from headwater.config.toml import Table
from headwater.config.topology import ID_PROVIDER, SERVER, ServerOptions
from headwater.emulator.options import IdProviderOptions
from headwater.health.suspicion import PROFILES
from headwater.health.webhook_options import WebhookOptions
from headwater.store.cassandra.options import CassandraOptions
from headwater.store.cassandra2018.options import Cassandra2018Options
from headwater.store.options import SqliteOptions, StoreOptions
from headwater.store.query.options import QueryOptions

REST_LISTEN = "127.0.0.1:5000"
SERVER_KEYS = ("listen", "address", "data", "hosts", "dashboard", "sql", "health", "webhook")

STORE_FILES = ("password_file", "ca_file")
"""What of a store names a file; its path is taken from the folder of the topology file."""
_STORES: dict[str, type[StoreOptions]] = {
    "sqlite": SqliteOptions,
    "cassandra": CassandraOptions,
    "cassandra-2018": Cassandra2018Options,
}
_NAME = re.compile(r"\w[\w.-]{0,63}")
_HOST_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}[A-Za-z0-9_])?(\.[A-Za-z0-9_-]{1,63})*")


def read_server(file: Table, folder: Path) -> ServerOptions:
    """The server of a file, its folder taken from `folder`; ConfigError names what is wrong."""
    table, store = file.table("server"), file.table("store")
    table.known(SERVER_KEYS)
    listen, address = table.read("listen", parse_address, REST_LISTEN), read_address(table, "address")
    for key, there in (("listen", listen), ("address", address and parse_address(address))):
        if there and there.port == 65_535:
            raise table.error(key, "the ingest needs the next port, and there is none")
    return ServerOptions(
        listen=str(listen),
        address=address,
        data=folder / table.string("data", f"var/{SERVER}"),
        hosts=table.strings("hosts", _host_name),
        site=file.read("site", plain_name, "default"),
        store=_store(store, folder),
        sql=_sql(table.table("sql")),
        dashboard=table.flag("dashboard", True),
        health=table.read("health", _profile, "default"),
        webhook=_webhook(table.table("webhook"), folder) if "webhook" in table.values else None,
    )


def read_address(table: Table, key: str) -> str | None:
    """host:port at a key, None when it is absent; ConfigError when it is none."""
    return str(table.read(key, parse_address)) if key in table.values else None


def _webhook(table: Table, folder: Path) -> WebhookOptions:
    table.known(WebhookOptions.__struct_fields__)
    values = dict(table.values)
    if "authorization_file" in values:
        values["authorization_file"] = folder / table.string("authorization_file")
    return table.build(WebhookOptions, values)


def _host_name(text: str) -> str:
    if not _HOST_NAME.fullmatch(text):
        raise ValueError(f'"{text}" is not the name of a host, such as grid.example.org')
    return text.lower()


def _profile(text: str) -> str:
    if text not in PROFILES:
        raise ValueError(f"must be one of {', '.join(PROFILES)}")
    return text


def _store(table: Table, folder: Path) -> StoreOptions:
    kind = table.string("kind", "sqlite")
    options = _STORES.get(kind)
    if options is None:
        raise table.error("kind", f"must be one of {', '.join(_STORES)}")
    table.known(("kind", *options.__struct_fields__))
    values = dict(table.values)
    for key in STORE_FILES:
        if key in values:
            values[key] = str(folder / table.string(key))
    return table.build(options, values)


def _sql(table: Table) -> QueryOptions:
    table.known(QueryOptions.__struct_fields__)
    options = table.build(QueryOptions, table.values)
    if options.rows > options.rows_max and "rows" in table.values:
        raise table.error("rows", f"rows_max is {options.rows_max}, so there are never more")
    return options


def webhook_values(options: WebhookOptions) -> dict[str, object]:
    """What a `[server.webhook]` says that means these options."""
    values: dict[str, object] = msgspec.structs.asdict(options)
    file = options.authorization_file
    return (
        values | {"authorization_file": file.absolute()} if file else {k: v for k, v in values.items() if v is not None}
    )


def store_values(options: StoreOptions) -> dict[str, object]:
    """What a `[store]` says that means these options."""
    values = msgspec.to_builtins(options)
    values |= {key: str(Path(values[key]).absolute()) for key in STORE_FILES if values.get(key)}
    return {key: value for key, value in values.items() if value is not None and value != {}}


def read_idprovider(table: Table, folder: Path, server: ServerOptions) -> IdProviderOptions:
    """The id provider of a table, its folder beside the server's unless it says another."""
    table.known(IdProviderOptions.__struct_fields__)
    values = dict(table.values)
    for key in ("listen", "address"):
        if key in values:
            values[key] = read_address(table, key)
    values["data"] = folder / table.string("data", str(server.data.parent / ID_PROVIDER))
    return table.build(IdProviderOptions, values)


def plain_name(text: str) -> str:
    """A name as it is; ValueError when it is none."""
    if not _NAME.fullmatch(text):
        raise ValueError("must be letters, digits, _ . - (no blanks), at most 64, the first no . or -")
    return text
