"""A plan as a Compose file, which `docker stack deploy` takes as well: only keys that both know."""

import hashlib

from headwater.config import Topology
from headwater.deploy.containers import plan_of
from headwater.deploy.names import AGENT, host_of
from headwater.deploy.plan import RECORDINGS, SCRATCH, SCRATCH_BYTES, Container, File, Place, Plan, Probe, Wishes
from headwater.deploy.yaml import MERGE, Alias, Anchored, Noted, yaml_text

COMPOSE_FILE = "compose.yaml"
LABEL = "headwater"
"""Labels of Swarm nodes that say what belongs on them begin so."""
NODE_KEYS = ("hostname", "id", "role", "ip")
"""What a place may name of a Swarm node itself; all else is a label of it."""
COMMON = "headwater"
INTERVAL, TIMEOUT, START_PERIOD = "30s", "10s", "60s"
HASH_DIGITS = 8

HEAD = """{name} in containers, written by `headwater compose`: change the topology and write it anew.

  docker compose up --detach          everything on this machine; docs/containers.md has more
  docker stack deploy --compose-file {file} {name}      on the machines of a Swarm

The order of starting does not matter: every process waits for what it needs."""
SWARM = """
In a Swarm each container that keeps something stays on the machine with its volume, which a label says:
  docker node update --label-add {label}.NAME=true MACHINE
with these names: {names}."""


def compose_files(topology: Topology, wishes: Wishes) -> dict[str, str]:
    """The files of a folder, by name: the Compose file and what it mounts. ConfigError like `plan_of`."""
    plan = plan_of(topology, wishes, lambda name: host_of(name) + AGENT)
    return {COMPOSE_FILE: compose_text(plan, wishes), **{file.name: file.text for file in plan.files}}


def compose_text(plan: Plan, wishes: Wishes) -> str:
    """The Compose file of a plan."""
    document: dict[str, object] = {
        f"x-{COMMON}": Noted(
            Anchored(_common(), COMMON), "What all containers have: they may write to their volume, and nothing else."
        ),
        "services": {container.name: _service(container, wishes) for container in plan.containers},
        "volumes": {volume: {} for volume in plan.volumes},
        "configs": {_key(file): {"name": _config_name(file, wishes), "file": f"./{file.name}"} for file in plan.files},
    }
    if plan.secrets:
        document["secrets"] = {
            secret.name: Noted({"file": f"./secrets/{secret.name}"}, f"Put into that file: {secret.what}.")
            for secret in plan.secrets
        }
    return yaml_text(document, _head(plan, wishes))


def _head(plan: Plan, wishes: Wishes) -> str:
    labelled = dict.fromkeys(container.volume for container in plan.containers if _is_labelled(container, wishes))
    lines = HEAD.format(name=wishes.name, file=COMPOSE_FILE)
    if labelled:
        lines += SWARM.format(label=LABEL, names=", ".join(labelled))
    return "\n".join([lines, *plan.notes])


def _common() -> dict[str, object]:
    return {
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "restart": "unless-stopped",
    }


def _service(container: Container, wishes: Wishes) -> dict[str, object]:
    service: dict[str, object] = {MERGE: Alias(COMMON)}
    service["image"] = f"{wishes.images}/{container.image}:{wishes.version}" if container.is_ours else container.image
    service["command"] = list(container.command)
    service["user"] = f"{container.user}:{container.user}"
    if container.environment:
        service["environment"] = dict(container.environment)
    if container.published:
        service["ports"] = _ports(container)
    service["volumes"] = _mounts(container)
    if container.files:
        service["configs"] = [{"source": _key(file), "target": str(file.target)} for file in container.files]
    if container.secrets:
        service["secrets"] = [secret.name for secret in container.secrets]
    service["healthcheck"] = {"disable": True} if container.probe is None else _healthcheck(container.probe)
    service["stop_grace_period"] = f"{container.grace_s}s"
    if not container.is_read_only:
        service["read_only"] = False
    if container.ends:
        service["restart"] = "on-failure"
    service["deploy"] = _deploy(container, wishes)
    return service


def _ports(container: Container) -> object:
    ports = [
        f"{f'{port.host}:' if port.host != '0.0.0.0' else ''}{port.port}:{port.target}" for port in container.published
    ]
    if all(port.host == "0.0.0.0" for port in container.published):
        return ports
    return Noted(ports, "A Swarm publishes on every interface of every machine, whatever stands here.")


def _mounts(container: Container) -> object:
    mounts: list[object] = [
        {"type": "volume", "source": container.volume, "target": str(container.keeps)},
        {"type": "tmpfs", "target": str(SCRATCH), "tmpfs": {"size": SCRATCH_BYTES}},
    ]
    if container.recordings is None:
        return mounts
    mounts.append({"type": "bind", "source": str(container.recordings), "target": str(RECORDINGS), "read_only": True})
    return Noted(mounts, "The recordings must be there on the machine, readable to everybody.")


def _healthcheck(probe: Probe) -> dict[str, object]:
    if probe.grpc is not None:
        asking = ["headwater", "health", f"127.0.0.1:{probe.grpc}"]
    elif probe.http is not None:
        asking = ["headwater", "health", f"http://127.0.0.1:{probe.http[0]}{probe.http[1]}"]
    else:
        asking = list(probe.command)
    return {"test": ["CMD", *asking], "interval": INTERVAL, "timeout": TIMEOUT, "start_period": START_PERIOD}


def _deploy(container: Container, wishes: Wishes) -> dict[str, object]:
    deploy: dict[str, object] = {"replicas": container.replicas}
    if not container.is_scalable and container.role == "sensors":
        deploy["replicas"] = Noted(1, "More would send the same meters again: give the group a sensor_id_provider.")
    if constraints := _constraints(container, wishes):
        deploy["placement"] = {"constraints": constraints}
    deploy["restart_policy"] = {"condition": "on-failure" if container.ends else "any"}
    # Two at a time would write to one volume.
    deploy["update_config"] = {"order": "stop-first"}
    return deploy


def _constraints(container: Container, wishes: Wishes) -> list[str]:
    if _is_labelled(container, wishes):
        return [f"node.labels.{LABEL}.{container.volume} == true"]
    return [_constraint(place) for place in wishes.places.get(container.of, ())]


def _is_labelled(container: Container, wishes: Wishes) -> bool:
    """Whether a label of its own says where a container runs: what a machine keeps for it is only there."""
    return container.of not in wishes.places and container.role != "sensors"


def _constraint(place: Place) -> str:
    named = place.label if place.label in NODE_KEYS else f"labels.{place.label}"
    return f"node.{named} == {place.value}"


def _key(file: File) -> str:
    return file.name.partition(".")[0]


def _config_name(file: File, wishes: Wishes) -> str:
    """A Swarm never changes a config: what it holds is part of its name."""
    digest = hashlib.sha256(file.text.encode()).hexdigest()[:HASH_DIGITS]
    return f"{wishes.name}-{_key(file)}-{digest}"
