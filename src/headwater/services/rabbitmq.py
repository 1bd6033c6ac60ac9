"""RabbitMQ with its management, MQTT and stream plug-ins, all state and its cookie in one folder."""

import secrets
from collections.abc import Mapping
from pathlib import Path

from headwater.config.address import LOOPBACK
from headwater.services.needs import Need, Program
from headwater.services.service import Launch, listens

NAME = "rabbitmq"
SENTENCE = "RabbitMQ, a message broker with topics, queues and streams, and a page to look into it"
PORTS = ("amqp", "management", "mqtt", "stream", "internode", "epmd")
USER = "guest"
PASSWORD = "guest"
# The one in /usr/sbin changes the user and redirects the output.
PROGRAM = Program("/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server")
EPMD = Program("epmd", "erlang-base")
NEEDS: tuple[Need, ...] = (PROGRAM, EPMD)
PLUGINS = ("rabbitmq_management", "rabbitmq_mqtt", "rabbitmq_stream", "rabbitmq_stream_management")
ERLANG = "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none"
"""Loopback only, and no waiting that keeps a processor busy."""


def prepare(folder: Path, ports: Mapping[str, int]) -> Launch:
    """A broker with the user `guest`."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    (folder / "rabbitmq.conf").write_text(configuration(ports))
    (folder / "enabled_plugins").write_text(f"[{','.join(PLUGINS)}].\n")
    epmd = EPMD.path()
    return Launch(
        command=(PROGRAM.path(),),
        addresses={name: f"{LOOPBACK}:{ports[name]}" for name in PORTS[:4]},
        # This port opens last.
        ready=lambda: listens(f"{LOOPBACK}:{ports['amqp']}"),
        environment={
            "HOME": str(home),
            "RABBITMQ_NODENAME": _node_name(folder),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_DIST_PORT": str(ports["internode"]),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "ERL_EPMD_PORT": str(ports["epmd"]),
            "ERL_EPMD_RELAXED_COMMAND_CHECK": "true",  # Else it would not go right after a broker was killed.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ERLANG,
        },
        usage=(
            f"amqp://{USER}:{PASSWORD}@{LOOPBACK}:{ports['amqp']}/",
            f"http://{LOOPBACK}:{ports['management']} is its page for the user {USER} with the password {PASSWORD}",
        ),
        # Erlang's directory of nodes outlives the broker that started it.
        after=(epmd, "-port", str(ports["epmd"]), "-kill"),
    )


def configuration(ports: Mapping[str, int]) -> str:
    """The text of `rabbitmq.conf`."""
    settings = {
        "listeners.tcp.1": f"{LOOPBACK}:{ports['amqp']}",
        "management.tcp.ip": LOOPBACK,
        "management.tcp.port": ports["management"],
        "mqtt.listeners.tcp.1": f"{LOOPBACK}:{ports['mqtt']}",
        "mqtt.allow_anonymous": "false",
        "stream.listeners.tcp.1": f"{LOOPBACK}:{ports['stream']}",
        "stream.advertised_host": LOOPBACK,
        "stream.advertised_port": ports["stream"],
        "default_user": USER,
        "default_pass": PASSWORD,
        "vm_memory_high_watermark.absolute": "512MB",
        "disk_free_limit.absolute": "50MB",
        "log.console": "true",
        "log.console.level": "info",
        "log.file": "false",
    }
    return "".join(f"{name} = {value}\n" for name, value in settings.items())


def _node_name(folder: Path) -> str:
    """The name of the broker; what it stored is found by it again."""
    file = folder / "node"
    if not file.exists():
        file.write_text(f"headwater-{secrets.token_hex(4)}@localhost")
    return file.read_text()
