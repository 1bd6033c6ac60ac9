"""What a topology keeps in files and variables of its machine that are nobody else's business: passwords and keys.

Elsewhere each is a file of its own again, in a folder that only its process reads.
"""

from pathlib import Path
from typing import Any

from msgspec.structs import replace

from headwater.config import ServerOptions
from headwater.deploy.names import host_of
from headwater.deploy.plan import Secret
from headwater.emulator.options import SensorOptions
from headwater.pipeline.inlets import MqttOptions
from headwater.pipeline.options import GatewayOptions
from headwater.pipeline.step_options import MaskOptions, StepOptions
from headwater.store.options import SqliteOptions

MQTT_FILES = {
    "password_file": "the password of the gateway at its broker",
    "ca_file": "the certificates of the authorities to trust",
    "certificate_file": "the certificate of the gateway",
    "key_file": "the key of that certificate",
}
STORE_FILES = {
    "password_file": "the password at Cassandra",
    "ca_file": "the certificates that Cassandra's is checked against",
}


class Kept:
    """Collects secrets, each with its new place."""

    def __init__(self, folder: Path, variables: bool) -> None:
        """`folder` is where they are; `variables` makes files of environment variables too."""
        self.secrets: list[Secret] = []
        self._folder = folder
        self._variables = variables

    def server(self, server: ServerOptions) -> ServerOptions:
        """The server with its secrets there."""
        if (webhook := server.webhook) is not None and webhook.authorization_file is not None:
            what = "the value of the Authorization header of the webhook"
            moved = self._file("webhook-authorization", what, webhook.authorization_file)
            server = replace(server, webhook=replace(webhook, authorization_file=moved))
        if isinstance(server.store, SqliteOptions):
            return server
        files = self._files(server.store, "store", STORE_FILES)
        return replace(server, store=replace(server.store, **{key: str(file) for key, file in files.items()}))

    def gateway(self, gateway: GatewayOptions) -> GatewayOptions:
        """The gateway with its secrets there."""
        host = host_of(gateway.name)
        return replace(
            gateway,
            mqtt=tuple(self._inlet(inlet, f"{host}-mqtt-{at}") for at, inlet in enumerate(gateway.mqtt, 1)),
            steps=tuple(self._step(step, f"{host}-step-{at}-key") for at, step in enumerate(gateway.steps, 1)),
        )

    def sensors(self, group: SensorOptions) -> dict[str, str]:
        """The environment of sensors that fetch recordings: where their keys to the bucket are."""
        if group.bucket is None:
            return {}
        host = host_of(group.name)
        kinds = {"ACCESS_KEY_ID": "access-key", "SECRET_ACCESS_KEY": "secret-key"}
        return {
            f"AWS_{key}_FILE": str(self._file(f"{host}-{kind}", f"the AWS_{key} for {group.bucket}", None))
            for key, kind in kinds.items()
        }

    def _inlet(self, inlet: MqttOptions, name: str) -> MqttOptions:
        changes: dict[str, Any] = dict(self._files(inlet, name, MQTT_FILES))
        if inlet.password_variable is not None and self._variables:
            changes["password_variable"] = None
            changes["password_file"] = self._file(f"{name}-password", MQTT_FILES["password_file"], None)
        return replace(inlet, **changes)

    def _step(self, step: StepOptions, name: str) -> StepOptions:
        if isinstance(step, MaskOptions) and step.key_file is not None:
            return replace(step, key_file=str(self._file(name, "the key of the mask", Path(step.key_file))))
        if isinstance(step, MaskOptions) and step.key_env is not None and self._variables:
            moved = self._file(name, f"the key of the mask, {step.key_env}", None)
            return replace(step, key_env=None, key_file=str(moved))
        return step

    def _files(self, options: object, name: str, files: dict[str, str]) -> dict[str, Path]:
        """Where the files of some options are now, by key."""
        named = {key: getattr(options, key, None) for key in files}
        return {
            key: self._file(f"{name}-{key.removesuffix('_file')}", files[key], Path(path))
            for key, path in named.items()
            if path is not None
        }

    def _file(self, name: str, what: str, source: Path | None) -> Path:
        secret = Secret(name, what, self._folder / name, source)
        self.secrets.append(secret)
        return secret.target
