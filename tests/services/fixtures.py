"""Real servers for tests; one that this machine does not have makes its tests skip, or fail where they must run."""

import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from headwater.config.address import parse_address
from headwater.services.cassandra import PASSWORD, USER
from headwater.services.catalogue import missing, server_named, service
from headwater.services.service import Service
from tests.services.shared import Addresses, shared_servers

if TYPE_CHECKING:
    from cassandra.cluster import Session

REQUIRE_KEY = "HEADWATER_REQUIRE_SERVICES"
"""An environment variable: when it is set, a server that is missing is a failure."""
REPLICATED_ONCE = "{'class': 'SimpleStrategy', 'replication_factor': 1}"


def need(name: str) -> None:
    """Skip the test when a server cannot be started here, or fail it where that may not be."""
    if lacks := missing(server_named(name)):
        reason = f"no {name}, it lacks {lacks}; `make services` says what can be done"
        if os.environ.get(REQUIRE_KEY):
            pytest.fail(reason)
        pytest.skip(f"machine cannot: {reason}")


class CassandraNode:
    """A Cassandra that answers, and a session of its superuser."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.host, self.port = parse_address(address)
        self.user = USER
        self.password = PASSWORD
        self._opened = ExitStack()
        self._session: Session | None = None

    @property
    def session(self) -> "Session":
        """Of the superuser, opened once."""
        if self._session is None:
            self._session = self._opened.enter_context(self.login())
        return self._session

    @contextmanager
    def login(self, user: str = USER, password: str = PASSWORD) -> "Iterator[Session]":
        """A session of some user; it is closed afterwards."""
        from cassandra.auth import PlainTextAuthProvider
        from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
        from cassandra.policies import WhiteListRoundRobinPolicy

        profile = ExecutionProfile(load_balancing_policy=WhiteListRoundRobinPolicy([self.host]), request_timeout=60)
        cluster = Cluster(
            [self.host],
            port=self.port,
            auth_provider=PlainTextAuthProvider(user, password),
            execution_profiles={EXEC_PROFILE_DEFAULT: profile},
            connect_timeout=60,
            # Threads that draw random numbers whenever a keyspace comes or goes make property tests beside them fail.
            schema_event_refresh_window=-1,
            protocol_version=5,
        )
        try:
            yield cluster.connect()
        finally:
            cluster.shutdown()

    def close(self) -> None:
        """Close the session of the superuser."""
        self._opened.close()
        self._session = None


def folder_of_all(factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run share."""
    base = factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@contextmanager
def shared(factory: pytest.TempPathFactory, *names: str) -> Iterator[Mapping[str, Addresses]]:
    """The addresses of servers that all workers share, by their names and those of their ports."""
    for name in names:
        need(name)
    with shared_servers(names, folder_of_all(factory) / f"shared-{'-'.join(names)}") as addresses:
        yield addresses


@pytest.fixture(scope="session")
def cassandra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CassandraNode]:
    """One Cassandra for all workers; passwords and permissions are checked."""
    with shared(tmp_path_factory, "cassandra") as servers:
        node = CassandraNode(servers["cassandra"]["cql"])
        try:
            yield node
        finally:
            node.close()


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """One RabbitMQ for all workers: `amqp`, `management`, `mqtt`, `stream`."""
    with shared(tmp_path_factory, "rabbitmq") as servers:
        yield servers["rabbitmq"]


@pytest.fixture(scope="session")
def opensearch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """One OpenSearch for all workers: `http`, without a password."""
    with shared(tmp_path_factory, "opensearch") as servers:
        yield servers["opensearch"]


@pytest.fixture(scope="session")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """One Swift with users of its own for all workers: `http`."""
    with shared(tmp_path_factory, "swift") as servers:
        yield servers["swift"]


@pytest.fixture(scope="session")
def swift_with_keystone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Addresses]]:
    """One `keystone` and one `swift` whose users it knows, for all workers: `http` of each."""
    with shared(tmp_path_factory, "keystone", "swift") as servers:
        yield servers


@pytest.fixture
def keyspace_name(cassandra: CassandraNode) -> Iterator[str]:
    """A name that no keyspace has yet; afterwards none has it again."""
    name = f"test_{uuid.uuid4().hex}"
    yield name
    cassandra.session.execute(f"DROP KEYSPACE IF EXISTS {name}")


@pytest.fixture
def keyspace(cassandra: CassandraNode, keyspace_name: str) -> str:
    """An empty keyspace of one replica."""
    cassandra.session.execute(f"CREATE KEYSPACE {keyspace_name} WITH replication = {REPLICATED_ONCE}")
    return keyspace_name


@pytest.fixture
def own_service(tmp_path: Path) -> Iterator[Callable[[str], Service]]:
    """Gives a server by name to one test alone, which starts it, may kill it, and may start it again on the same folder
    and ports."""
    with ExitStack() as ended:

        def made(name: str) -> Service:
            need(name)
            own = service(name, tmp_path / name)
            ended.callback(own.stop)
            return own

        yield made
