"""OpenSearch 2.19 as one small node: its jars on Java, without the security plug-in, reachable from this machine only.

The published jars are laid out as in the archive of the server: modules, each with a descriptor, beside the class path.
"""

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from headwater.config.address import LOOPBACK
from headwater.services.jars import Jar, Jars
from headwater.services.java import Java
from headwater.services.needs import Need
from headwater.services.service import Launch, exchanged

NAME = "opensearch"
SENTENCE = "OpenSearch 2.19, an index for the search in metadata"
PORTS = ("http", "transport")
JAVA = Java(11, 21)
JARS = Jars(NAME)
NEEDS: tuple[Need, ...] = (JAVA, JARS)

JVM = (
    "-Xms512M",
    "-Xmx512M",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.net.preferIPv4Stack=true",
    "-Djava.security.manager=allow",
    "-Djava.locale.providers=SPI,COMPAT",
    "-Dlog4j2.disable.jmx=true",
    "-Dlog4j.shutdownHookEnabled=false",
    "-Dio.netty.noUnsafe=true",
    "-Dio.netty.noKeySetOptimization=true",
    "-Dio.netty.recycler.maxCapacityPerThread=0",
    "-Dopensearch.distribution.type=tar",
    "-Dopensearch.bundled_jdk=false",
    "--add-opens=java.base/java.io=ALL-UNNAMED",
)
"""Half a gigabyte, and a compiler that is quick to start: the node is for tests and trials."""
NOT_NATIVE = ("-Djna.nosys=true", "-Djna.nounpack=true")
"""Without machine code it cannot ask who it runs as, and does not refuse root, whom containers often have only."""
MODULES = {
    "transport-netty4": (
        "org.opensearch.transport.Netty4Plugin",
        ("io.netty:", "org.opensearch.plugin:transport-netty4-client:"),
    ),
    "reindex": (
        "org.opensearch.index.reindex.ReindexPlugin",
        (
            "commons-codec:",
            "commons-logging:",
            "org.apache.httpcomponents:",
            "org.opensearch.client:",
            "org.opensearch.plugin:reindex-client:",
            "org.opensearch:opensearch-ssl-config:",
        ),
    ),
}
"""The class of each module, and how the coordinates of its jars begin."""
DESCRIPTOR = """\
description={name}
version={version}
name={name}
classname={main}
java.version=11
opensearch.version={version}
has.native.controller=false
extended.plugins=
custom.foldername=
"""
POLICY = """\
grant {
  permission java.io.FilePermission "/proc/sys/net/core/somaxconn", "read";
  permission java.net.SocketPermission "*", "accept,connect,resolve";
  permission java.lang.RuntimePermission "getClassLoader";
  permission java.lang.RuntimePermission "setContextClassLoader";
};
"""
"""What modules may do beside what every part may: what Netty needs to serve."""
LOGGING = """\
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %-5p [%c{1.}] %m%n
rootLogger.level = info
rootLogger.appenderRef.out.ref = out
"""
HEALTH = b"GET /_cluster/health HTTP/1.0\r\n\r\n"
READY = (b'"status":"green"', b'"status":"yellow"')
"""Yellow says that replicas have no other node to be on."""


def prepare(folder: Path, ports: Mapping[str, int]) -> Launch:
    """A node whose indexes, logs and configuration are in a folder."""
    home = folder / "home"
    class_path = _lay_out(home)
    configuration = folder / "config"
    configuration.mkdir(exist_ok=True)
    # JSON is YAML, and is written without a library.
    (configuration / "opensearch.yml").write_text(json.dumps(settings(folder, ports), indent=1))
    (configuration / "log4j2.properties").write_text(LOGGING)
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    address = f"{LOOPBACK}:{ports['http']}"
    return Launch(
        command=(
            JAVA.program(),
            *JVM,
            *NOT_NATIVE,
            f"-Djava.io.tmpdir={temporary}",
            f"-Dopensearch.path.home={home}",
            f"-Dopensearch.path.conf={configuration}",
            "-cp",
            ":".join(map(str, class_path)),
            "org.opensearch.bootstrap.OpenSearch",
        ),
        addresses={"http": address, "transport": f"{LOOPBACK}:{ports['transport']}"},
        ready=lambda: any(status in exchanged(address, HEALTH) for status in READY),
        usage=(f"curl http://{address}/_cat/indices",),
        environment={"OPENSEARCH_TMPDIR": str(temporary)},
    )


def settings(folder: Path, ports: Mapping[str, int]) -> dict[str, object]:
    """The configuration: one node, everything below the folder."""
    return {
        "cluster.name": "headwater",
        "node.name": "node",
        "path.data": str(folder / "data"),
        "path.logs": str(folder / "logs"),
        "network.host": LOOPBACK,
        "http.port": ports["http"],
        "transport.port": ports["transport"],
        "discovery.type": "single-node",
        "node.processors": 2,
        "bootstrap.system_call_filter": False,
        # A disk that is nearly full for other reasons is no reason to refuse a test's documents.
        "cluster.routing.allocation.disk.threshold_enabled": False,
    }


def _lay_out(home: Path) -> list[Path]:
    """Put the modules where the server looks for them; the jars that go on the class path."""
    jars = JARS.all()
    for name, (main, prefixes) in MODULES.items():
        module = home / "modules" / name
        module.mkdir(parents=True, exist_ok=True)
        (module / "plugin-descriptor.properties").write_text(
            DESCRIPTOR.format(name=name, main=main, version=JARS.version("opensearch"))
        )
        (module / "plugin-security.policy").write_text(POLICY)
        for jar in _of(jars, prefixes):
            # No link: its security manager lets it read what really is below its home.
            shutil.copyfile(JARS.folder / jar.file_name, module / jar.file_name)
    moved = {jar for _, prefixes in MODULES.values() for jar in _of(jars, prefixes)}
    return [JARS.folder / jar.file_name for jar in jars if jar not in moved]


def _of(jars: Iterable[Jar], prefixes: tuple[str, ...]) -> list[Jar]:
    return [jar for jar in jars if jar.coordinates.startswith(prefixes)]
