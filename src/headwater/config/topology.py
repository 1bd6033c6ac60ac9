"""What a topology is: the options of every process, and the questions that all of them raise."""

from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from headwater.agent.options import AgentOptions
from headwater.api.options import ApiOptions
from headwater.config.address import found_at, parse_address, reached
from headwater.config.toml import meant
from headwater.emulator.options import IdProviderOptions, SensorOptions
from headwater.health.chaos.options import ChaosOptions, RelayOptions
from headwater.health.webhook_options import WebhookOptions
from headwater.model.errors import ConfigError
from headwater.pipeline.options import GatewayOptions
from headwater.store.cassandra2018.options import Cassandra2018Options
from headwater.store.options import SqliteOptions, StoreOptions
from headwater.store.query.options import QueryOptions
from headwater.ui.options import UiOptions

SERVER = "server"
"""What the server is called where nodes and sensors have names."""
ID_PROVIDER = "idprovider"
"""The same of the id provider."""
SAME_IN_NODE = (
    *("next_protocol", "application", "storagetime_s", "log_bytes_max", "segment_bytes", "when_full"),
    *("metrics", "provenance", "sync_interval_ms_min", "deduplicate_window"),
)
"""The options of a gateway that a [[node]] calls by the same name."""
SENSOR_KEYS = tuple(key for key in SensorOptions.__struct_fields__ if key not in ("site", "progress"))


class ServerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The server: REST, and the ingest of stamps one port further."""

    listen: str = "127.0.0.1:5000"
    """host:port of the REST API."""
    address: str | None = None
    """host:port at which agents find the server, one port further, when that is not where it listens."""
    data: Path
    """The server's folder."""
    hosts: tuple[str, ...] = ()
    """What the server is called in browsers, beside `localhost` and addresses: other names are refused, and so are
    pages of other sites that would change something. Empty: no name more, or any where `listen` is not the loopback."""
    site: str = "default"
    store: StoreOptions = SqliteOptions()
    sql: QueryOptions = QueryOptions()
    """What a query may take, see below."""
    control: str | None = None
    """The socket at which faults are asked for; None unless chaos is enabled."""
    dashboard: bool = True
    """Whether there is a dashboard at `/`."""
    health: str = "default"
    """After how much silence something is Red: `default`, or as the 2018 system had it, `2018-master`, `2018-image`."""
    webhook: WebhookOptions | None = None
    """Where alarms are posted to, see below; absent: nowhere."""

    @property
    def only_reads(self) -> bool:
        """Whether its store takes no stamps: then there is no ingest, and no process for it."""
        return isinstance(self.store, Cassandra2018Options)

    @property
    def ingest(self) -> str:
        """host:port of the gRPC ingest: the REST port + 1."""
        return str(parse_address(self.listen).shifted(1))

    @property
    def ingest_address(self) -> str:
        """host:port at which agents find the gRPC ingest."""
        return str(parse_address(found_at(self)).shifted(1))

    @property
    def ui_socket(self) -> Path:
        """Where the process that shows the dashboard listens."""
        return self.data.absolute() / "ui.sock"

    @property
    def api(self) -> ApiOptions:
        """What the process that answers REST is told."""
        return ApiOptions(
            listen=self.listen,
            hosts=self.hosts and (*self.hosts, parse_address(found_at(self)).host),
            folder=str(self.data.absolute() / "store"),
            site=self.site,
            store=self.store,
            ingest=None if self.only_reads else reached(self.ingest),
            sql=self.sql,
            control=self.control,
            reports=str(self.data.absolute() / "reports"),
            dashboard=str(self.ui_socket) if self.dashboard else None,
        )

    @property
    def ui(self) -> UiOptions:
        """What the process that shows the dashboard is told."""
        return UiOptions(
            socket=str(self.ui_socket),
            api=f"http://{parse_address(self.listen).reachable}",
            site=self.site,
            languages=("sql",)
            if isinstance(self.store, SqliteOptions)
            else ("cql",)
            if self.only_reads
            else ("sql", "cql"),
        )


class Topology(msgspec.Struct, frozen=True, kw_only=True):
    """Every process of a topology file: a gateway and an agent per node, sensors, a server, an id provider."""

    server: ServerOptions
    gateways: tuple[GatewayOptions, ...]
    agents: tuple[AgentOptions, ...]
    sensors: tuple[SensorOptions, ...] = ()
    idprovider: IdProviderOptions | None = None
    chaos: ChaosOptions = ChaosOptions()
    relays: tuple[RelayOptions, ...] = ()
    """One for each link, when chaos is enabled; `next` of its node leads to it then."""

    @property
    def folder(self) -> Path:
        """Where a run of the topology keeps what belongs to no single process: around the server's folder."""
        return self.server.data.parent

    @property
    def api_url(self) -> str:
        return f"http://{parse_address(self.server.listen).reachable}"

    def gateway(self, name: str) -> GatewayOptions:
        """The gateway of a node; ConfigError when there is none of this name."""
        return _named("node", name, self.gateways)

    def agent(self, name: str) -> AgentOptions:
        """The agent of a node; ConfigError when there is none of this name."""
        return _named("node", name, self.agents)

    def relay(self, name: str) -> RelayOptions:
        """The relay behind a node; ConfigError when there is none."""
        return _named("relay", name, self.relays)

    def sensor(self, name: str) -> SensorOptions:
        """The sensors of a name; ConfigError when there are none."""
        return _named("group of sensors", name, self.sensors)

    def hops(self, name: str) -> int:
        """How many nodes of this topology lie between a node and its endpoint; 0 at an endpoint."""
        listening = {found_at(gateway): gateway for gateway in self.gateways}
        behind = {relay.pipeline.listen: relay.pipeline.target for relay in self.relays}
        gateway, hops = self.gateway(name), 0
        while (after := behind.get(gateway.next or "", gateway.next)) in listening:
            gateway, hops = listening[after], hops + 1
        return hops


class HasName(Protocol):
    """The options of a process with a name."""

    @property
    def name(self) -> str: ...


Named = TypeVar("Named", bound=HasName)


def _named(what: str, name: str, options: tuple[Named, ...]) -> Named:
    for option in options:
        if option.name == name:
            return option
    raise ConfigError(f'no {what} is called "{name}"; {meant(name, [option.name for option in options])}')
