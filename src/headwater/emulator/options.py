"""What emulators and their id provider can be told: their options, defaults and bounds."""

import re
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

METERS = 100
"""Households that are made up unless it is said how many."""
START_ID = "31400010000000000"
"""Of the deployments of 2018."""
ID_PORT = 8080


_BUCKET = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>[^\x00]*))?")


def parse_bucket(text: str) -> tuple[str, str]:
    """Bucket and prefix of `s3://BUCKET/PREFIX`; ValueError with the reason on anything else."""
    match = _BUCKET.fullmatch(text)
    if match is None:
        raise ValueError(f'bucket = "{text}" must be s3://BUCKET or s3://BUCKET/PREFIX')
    return match["bucket"], (match["prefix"] or "").strip("/")


class IdProviderOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One id provider."""

    listen: str = f"127.0.0.1:{ID_PORT}"
    """host:port."""
    address: str | None = None
    """host:port at which emulators find it, when that is not where it listens."""
    start_id: Annotated[str, Meta(pattern="^[0-9]{1,19}$")] = START_ID
    """The first id; ids keep its number of digits. A folder that has handed out later ones goes on behind them."""
    data: Path = Path("var") / "idprovider"
    """The folder that remembers which id is next."""


class SensorOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One process of sensors, replaying files or making up load, towards one gateway."""

    name: str = "sensors"
    site: str = "default"
    target: str = "127.0.0.1:50051"
    """host:port of the first hop."""
    journal: Path
    """The folder that remembers how far the replay is, so that a killed emulator resumes."""
    shared_journal: bool = False
    """Several processes are started with this journal: each takes the first of the folders 1, 2, ... in it that no
    other has."""
    keep_journal: bool = False
    """Keep every reading sent, for a later comparison, and not the position alone."""
    data: Path | None = None
    """A CSV file or a folder of them; None makes up the load of households."""
    bucket: str | None = None
    """`s3://BUCKET/PREFIX`: recordings there are fetched into the journal before they are replayed, instead of data."""
    bucket_endpoint: str | None = None
    """URL of the server that has it; absent: the environment's AWS_ENDPOINT_URL, or Amazon's."""
    bucket_region: str | None = None
    """Where it is; absent: the environment's AWS_REGION or REGION, or us-east-1."""
    frequency_ms: Annotated[int, Meta(gt=0, le=86_400_000)] = 1000
    """A tick: every meter's next reading."""
    rate: Annotated[float, Meta(gt=0, le=1e9)] | None = None
    """Readings a second over all meters, instead of `frequency_ms`."""
    speed: Annotated[float, Meta(gt=0, le=1e6)] = 1.0
    """How many times faster than `frequency_ms` ticks come."""
    timestamps: Literal["recorded", "now"] = "recorded"
    loop: bool = False
    """Begin again when the readings end."""
    ticks: Annotated[int, Meta(gt=0)] | None = None
    """Stop after so many."""
    sensor_id_provider: str | None = None
    """host:port of an id provider that says which meters these are, or `idprovider` for that of the topology."""
    meters: Annotated[int, Meta(gt=0, le=1_000_000)] | None = None
    """How many households are made up when there is no data, 100 unless given; with an id provider how many ids are
    taken from it, with data 1 unless given."""
    first_meter: Annotated[int, Meta(gt=0, le=1_000_000_000)] = 1
    """The number of the first household made up: groups of sensors that run together need different ones."""
    step_s: Annotated[float, Meta(ge=0.001, le=86_400)] = 60.0
    """Event time between two ticks of made-up load."""
    start_ms: Annotated[int, Meta(ge=0)] | None = None
    """Event time of the first tick of made-up load; None is midnight UTC before the first start."""
    seed: int = 0
    """The load of one seed is always the same."""
    meter_column: str | None = None
    """The CSV column that names the meter; None recognises it, or takes the name of the file."""
    metric_column: str | None = None
    time_column: str | None = None
    value_column: str | tuple[str, ...] | None = None
    """One or several; without a metric column each is the metric that it is named."""
    time_format: str | None = None
    """`iso`, `epoch`, `s`, `ms` or as `strptime` reads it; None recognises it."""
    zone: str = "UTC"
    """The time zone of times that name none."""
    delimiter: str | None = None
    progress: bool = False
    """Show a line with rate, sent and acknowledged."""

    @property
    def meter_count(self) -> int:
        """How many meters are made up, or how many ids are taken."""
        if self.meters is not None:
            return self.meters
        return METERS if self.data is None and self.bucket is None else 1

    def __post_init__(self) -> None:
        if self.bucket_endpoint is not None and not self.bucket_endpoint.startswith(("http://", "https://")):
            raise ValueError(f'bucket_endpoint = "{self.bucket_endpoint}" must begin with http:// or https://')
        if self.bucket is not None:
            parse_bucket(self.bucket)
            if self.data is not None:
                raise ValueError("bucket takes the place of data: give one of the two")
