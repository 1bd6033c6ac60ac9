"""What a recorder can be told: its options, their defaults and bounds."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypedDict

import msgspec
from msgspec import Meta

from headwater.capture.configuration import check_metrics
from headwater.model.context import ALL_METRICS, Location
from headwater.model.errors import ConfigError, Rejected
from headwater.model.ids import NODE_MAX, format_node, parse_node

MIB = 1 << 20

_FAULT = re.compile(r"(?s)(?P<what>.*?)(?: - at `\$\.(?P<key>\w+)[^`]*`)?")


class Options(TypedDict, total=False):
    """What may be given to a recorder beside its folder and node; `RecorderOptions` says what each means."""

    name: str
    location: Location
    application: str
    metrics: Sequence[str]
    provenance: bool
    storagetime_s: int
    log_bytes_max: int
    segment_bytes: int
    patience_s: float
    new_log: bool


class RecorderOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One recorder."""

    data: Path
    """The node's folder; the agent is given the same."""
    node: Annotated[int, Meta(ge=0, le=NODE_MAX)]
    name: Annotated[str, Meta(min_length=1, max_length=64)]
    """What the node is called; its id unless given."""
    location: Location | None = None
    application: Annotated[str, Meta(min_length=1, max_length=256)]
    """What stamps name as their application; the node's name, or else the program's."""
    metrics: tuple[str, ...] = ALL_METRICS
    """The context columns that stamps record."""
    provenance: bool = True
    """False makes no stamps and changes nothing else."""
    storagetime_s: Annotated[int, Meta(ge=0)] = 3600
    """How long values stay in the log once their stamps are in the store; others stay until the log is full."""
    log_bytes_max: Annotated[int, Meta(ge=2 * MIB)] = 1024 * MIB
    """What the log may take; when it is full, the oldest values go, and a record names them."""
    segment_bytes: Annotated[int, Meta(ge=64 * 1024)] = 64 * MIB
    patience_s: Annotated[float, Meta(gt=0, le=86_400)] = 30.0
    """How long a call waits for a disk that refuses."""
    new_log: bool = False
    """Begin a new log in a folder whose manifest is lost."""

    def __post_init__(self) -> None:
        check_metrics(self.metrics)
        if 2 * self.segment_bytes > self.log_bytes_max:
            raise ValueError(
                f"log_bytes_max = {self.log_bytes_max} must be at least twice segment_bytes = {self.segment_bytes}"
            )

    @property
    def log(self) -> Path:
        """Where the node log is."""
        return self.data / "log"


def recorder_options(data: str | Path, node: str | int, given: Options) -> RecorderOptions:
    """The options of a recorder; ConfigError names the one that cannot be used."""
    id = _node(node)
    name = given.get("name", format_node(id))
    application = given.get("name", program_name(sys.argv[0]))
    values: dict[str, object] = {"data": Path(data), "node": id, "name": name, "application": application, **given}
    try:
        return msgspec.convert(values, RecorderOptions)
    except msgspec.ValidationError as error:
        found = _FAULT.fullmatch(str(error))
        key = found["key"] if found else None
        if found is None or key is None:
            raise ConfigError(f"recorder in {data}: {error}") from None
        raise ConfigError(f"recorder in {data}: {key} = {str(values[key])[:80]}: {found['what']}") from None


def program_name(argument: str) -> str:
    """What a program is called that was started so: its file, or its package behind `python -m`."""
    file = Path(argument)
    name = file.parent.name if file.stem == "__main__" else file.stem
    return name[:256] if name and not name.startswith("-") else "python"


def _node(node: str | int) -> int:
    if isinstance(node, int):
        return node
    try:
        return parse_node(node)
    except Rejected as error:
        raise ConfigError(f"node: {error.detail}") from None
