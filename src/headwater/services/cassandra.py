"""Apache Cassandra 5.0 as one small node: its jars on Java, a configuration written for a folder and its ports."""

import json
import os
import shlex
import socket
import struct
from collections.abc import Mapping
from pathlib import Path

from headwater.config.address import LOOPBACK
from headwater.services.jars import Jars
from headwater.services.java import Java
from headwater.services.needs import Need
from headwater.services.service import Launch, listens

NAME = "cassandra"
SENTENCE = "Apache Cassandra 5.0, a wide-column store, for provenance of many machines"
PORTS = ("cql", "internode")
USER = "cassandra"
PASSWORD = "cassandra"
"""Of the superuser that a new node makes itself."""
JAVA = Java(11, 17)
JARS = Jars(NAME)
NEEDS: tuple[Need, ...] = (JAVA, JARS)

PROBE_S_MAX = 5.0
HEAD = struct.Struct(">BBhBi")
"""Of a frame of CQL: version, flags, stream, opcode, length of the body."""
STARTUP, AUTHENTICATE, AUTH_RESPONSE, AUTH_SUCCESS = 0x01, 0x03, 0x0F, 0x10
JVM = (
    "-Xms512M",
    "-Xmx512M",
    "-Xss512k",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.net.preferIPv4Stack=true",
    "-Djdk.attach.allowAttachSelf=true",
)
"""Half a gigabyte, and a compiler that is quick to start: the node is for tests and trials."""
ALONE = (
    "-Dcassandra-foreground=yes",
    "-Dcassandra.ring_delay_ms=0",
    "-Dcassandra.skip_wait_for_gossip_to_settle=0",
    "-Dcassandra.superuser_setup_delay_ms=0",
    "-Dcassandra.shutdown_announce_in_ms=0",
    "-Dcassandra.auth_bcrypt_gensalt_log2_rounds=4",
)
"""There is no other node to wait for."""
OPTIONS_KEY = "JVM_EXTRA_OPTS"
"""An environment variable: options of Java beside ours, as Cassandra's own start scripts take them."""
BUSY = "60s"
"""How long a request may take."""
EXPORTS = (
    "java.base/jdk.internal.misc",
    "java.base/jdk.internal.ref",
    "java.base/sun.nio.ch",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.rmi/sun.rmi.transport.tcp",
    "java.sql/java.sql",
    "jdk.attach/sun.tools.attach",
)
OPENS = (
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.lang.module",
    "java.base/java.lang.reflect",
    "java.base/java.net",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "jdk.management/com.sun.management.internal",
)
"""What Cassandra uses of Java's inside, as its own jvm-server.options have it."""
LOGBACK = """\
<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d{ISO8601} %-5level [%thread] %logger{20} %msg%n</pattern></encoder>
  </appender>
  <logger name="org.apache.cassandra.config.Config" level="WARN"/>
  <root level="INFO"><appender-ref ref="out"/></root>
</configuration>
"""


def prepare(folder: Path, ports: Mapping[str, int]) -> Launch:
    """A node whose data, commit log and configuration are in a folder."""
    yaml = folder / "cassandra.yaml"
    # JSON is YAML, and is written without a library.
    yaml.write_text(json.dumps(settings(folder, ports), indent=1), encoding="utf-8")
    logback = folder / "logback.xml"
    logback.write_text(LOGBACK, encoding="utf-8")
    password = folder / "password"
    password.write_text(f"{PASSWORD}\n")
    own = (
        f"-Dcassandra.config={yaml.as_uri()}",
        f"-Dlogback.configurationFile={logback.as_uri()}",
        f"-Dcassandra.storagedir={folder}",
        f"-Djava.io.tmpdir={_made(folder / 'tmp')}",
    )
    address = f"{LOOPBACK}:{ports['cql']}"
    # The superuser of a folder that was used before is there from the first answer on, and may have a new password.
    is_new = not any((folder / "data").glob("system_auth/roles-*"))
    return Launch(
        command=(
            JAVA.program(),
            *JVM,
            *(f"--add-exports={package}=ALL-UNNAMED" for package in EXPORTS),
            *(f"--add-opens={package}=ALL-UNNAMED" for package in OPENS),
            *ALONE,
            *own,
            *shlex.split(os.environ.get(OPTIONS_KEY, "")),
            "-cp",
            f"{JARS.folder}/*",
            "org.apache.cassandra.service.CassandraDaemon",
        ),
        addresses={"cql": address, "internode": f"{LOOPBACK}:{ports['internode']}"},
        ready=lambda: logs_in(ports["cql"]) if is_new else listens(address),
        usage=(
            f'store = {{kind = "cassandra", hosts = ["{address}"], user = "{USER}", password_file = "{password}"}}'
            " in a topology file",
            f"cqlsh {LOOPBACK} {ports['cql']} -u {USER} -p {PASSWORD}",
        ),
    )


def settings(folder: Path, ports: Mapping[str, int]) -> dict[str, object]:
    """The configuration: passwords and permissions are checked, one token, everything below the folder."""
    seeds = [{"seeds": f"{LOOPBACK}:{ports['internode']}"}]
    return {
        "cluster_name": "headwater",
        "num_tokens": 1,
        "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
        "endpoint_snitch": "SimpleSnitch",
        "seed_provider": [{"class_name": "org.apache.cassandra.locator.SimpleSeedProvider", "parameters": seeds}],
        "listen_address": LOOPBACK,
        "rpc_address": LOOPBACK,
        "storage_port": ports["internode"],
        "native_transport_port": ports["cql"],
        "data_file_directories": [str(folder / "data")],
        "commitlog_directory": str(folder / "commitlog"),
        "saved_caches_directory": str(folder / "saved_caches"),
        "hints_directory": str(folder / "hints"),
        "cdc_raw_directory": str(folder / "cdc_raw"),
        # With periodic syncs a kill costs the last tenth of a second of what was acknowledged, a power cut ten seconds.
        "commitlog_sync": "batch",
        "authenticator": "PasswordAuthenticator",
        "authorizer": "CassandraAuthorizer",
        "role_manager": "CassandraRoleManager",
        # A role that was changed is soon what it was changed to.
        "roles_validity": "500ms",
        "permissions_validity": "500ms",
        "credentials_validity": "500ms",
        # A machine that is busy elsewhere is slow, and there is no other node to ask.
        "read_request_timeout": BUSY,
        "range_request_timeout": BUSY,
        "write_request_timeout": BUSY,
        "truncate_request_timeout": BUSY,
        "request_timeout": BUSY,
        "native_transport_timeout": BUSY,
        # What is dropped here is not wanted back.
        "auto_snapshot": False,
        "concurrent_reads": 8,
        "concurrent_writes": 8,
        "concurrent_compactors": 1,
        "memtable_flush_writers": 1,
        "native_transport_max_threads": 16,
    }


def logs_in(port: int, user: str = USER, password: str = PASSWORD) -> bool:
    """Whether a node lets a user in, by the CQL protocol 4."""
    options = struct.pack(">H", 1) + _string("CQL_VERSION") + _string("3.0.0")
    secret = f"\0{user}\0{password}".encode()
    try:
        with socket.create_connection((LOOPBACK, port), timeout=PROBE_S_MAX) as connection:
            if _answer(connection, STARTUP, options) != AUTHENTICATE:
                return False
            return _answer(connection, AUTH_RESPONSE, struct.pack(">i", len(secret)) + secret) == AUTH_SUCCESS
    except (OSError, EOFError):
        return False


def _answer(connection: socket.socket, opcode: int, body: bytes) -> int:
    """Send a frame; give the opcode of the answer. EOFError when there is none."""
    connection.sendall(HEAD.pack(4, 0, 0, opcode, len(body)) + body)
    with connection.makefile("rb") as answer:
        head = answer.read(HEAD.size)
        if len(head) < HEAD.size:
            raise EOFError
        *_, answered, length = HEAD.unpack(head)
        answer.read(length)
    return int(answered)


def _string(text: str) -> bytes:
    return struct.pack(">H", len(text)) + text.encode()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
