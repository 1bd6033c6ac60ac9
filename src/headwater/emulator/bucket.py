"""Recordings that lie in a bucket: fetched into a folder once, so that a replay goes on with the same files.

Any server that speaks S3 will do. Who asks comes from the environment as other tools read it, AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY, or from the files that AWS_ACCESS_KEY_ID_FILE and AWS_SECRET_ACCESS_KEY_FILE name; where it is,
from the options, or from AWS_ENDPOINT_URL, and AWS_REGION or, as in 2018, REGION.
"""

import asyncio
import logging
import os
import random
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from headwater.emulator.options import parse_bucket
from headwater.log.checked import read_checked, replace_checked
from headwater.log.disk import Disk
from headwater.model.errors import ConfigError, NotFound, Unavailable
from headwater.wire.reconnect import Backoff

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Store

FETCHED = "bucket"
"""The file of a journal that says from where its recordings are, once all of them are there."""
RECORDINGS = "recordings"
"""The folder of a journal that they are in."""
REGION = "us-east-1"
FILES_MAX = 100_000
WAIT_S_MAX = 5.0
NO_BUCKET = "NoSuchBucket"
"""The code of a server that has no such bucket."""
CLOSED = ("status code: 401", "status code: 403")
"""How the library tells of a server that lets nobody in; it has errors of that kind for single objects only."""
NAMES = (".csv", ".csv.gz")

_logger = logging.getLogger(__name__)


class Bucket(NamedTuple):
    """Where recordings are."""

    url: str
    endpoint: str | None = None
    region: str | None = None


async def fetched(
    disk: Disk, folder: Path, bucket: Bucket, ids: Sequence[str], environment: Mapping[str, str] = os.environ
) -> Path:
    """The folder with the recordings of a bucket, fetched below `folder` however long that takes; with ids theirs only.

    ConfigError when there are none, who asks may not have them, or the journal has those of another bucket.
    """
    target = folder / RECORDINGS
    before = _fetched_before(disk)
    if before is not None:
        if before != bucket.url:
            told = f"this journal has the recordings of {before}, not of {bucket.url}"
            raise ConfigError(f"{told}: choose another journal")
        return target
    backoff = Backoff(random.Random(), WAIT_S_MAX)
    while True:
        try:
            count = await asyncio.to_thread(fetch, bucket, target, ids, environment)
        except Unavailable as error:
            wait_s = backoff.next_s()
            _logger.warning("%s: %s; trying again in %.1f s", bucket.url, error, wait_s)
            await asyncio.sleep(wait_s)
        else:
            replace_checked(disk, FETCHED, bucket.url.encode())
            _logger.info("%d recordings fetched from %s", count, bucket.url)
            return target


def fetch(bucket: Bucket, target: Path, ids: Sequence[str], environment: Mapping[str, str]) -> int:
    """Fetch what is not there yet; how many recordings there are. Unavailable when asking again may help, else
    ConfigError."""
    try:
        from obstore import exceptions
    except ModuleNotFoundError:
        raise ConfigError('a bucket needs obstore: install headwater[s3], as in pip install "headwater[s3]"') from None
    try:
        return _fetch(_store(bucket, environment), bucket.url, target, ids)
    except exceptions.BaseError as error:
        if NO_BUCKET in str(error):
            raise ConfigError(f"{bucket.url}: there is no such bucket") from None
        if any(closed in str(error) for closed in CLOSED):
            raise ConfigError(f"{bucket.url} is not open to AWS_ACCESS_KEY_ID: {_first_line(error)}") from None
        raise Unavailable(_first_line(error)) from None


def _fetch(store: "S3Store", bucket: str, target: Path, ids: Sequence[str]) -> int:
    found: dict[str, int] = {}
    for page in store.list():
        found |= {entry["path"]: entry["size"] for entry in page if _is_wanted(entry["path"], ids)}
        if len(found) > FILES_MAX:
            raise ConfigError(f"{bucket} has more than {FILES_MAX} recordings: name a prefix that has fewer")
    if not found:
        of = f" of {ids[0]}" if len(ids) == 1 else f" of {ids[0]} to {ids[-1]}" if ids else ""
        raise ConfigError(f"{bucket} has no recordings{of}: files that end in .csv or .csv.gz are needed")
    for path, size in sorted(found.items()):
        file = target / path
        if not (file.is_file() and file.stat().st_size == size):
            file.parent.mkdir(parents=True, exist_ok=True)
            fresh = file.with_name(f".{file.name}.new")
            with fresh.open("wb") as written:
                for chunk in store.get(path):
                    written.write(chunk)
            fresh.replace(file)
    return len(found)


def _is_wanted(path: str, ids: Sequence[str]) -> bool:
    """Whether a path below the prefix is a recording: of these ids, as `emulator.sensor_ids.files_of` seeks them."""
    if not path.endswith(NAMES) or ".." in PurePosixPath(path).parts:
        return False
    first = PurePosixPath(path).parts[0]
    return not ids or any(first in (each, f"{each}.csv", f"{each}.csv.gz") for each in ids)


def _store(bucket: Bucket, environment: Mapping[str, str]) -> "S3Store":
    from obstore.store import S3Store

    name, prefix = parse_bucket(bucket.url)
    endpoint = bucket.endpoint or environment.get("AWS_ENDPOINT_URL")
    told: S3Config = {"region": bucket.region or environment.get("AWS_REGION") or environment.get("REGION") or REGION}
    if endpoint:
        told["endpoint"] = endpoint
    if key := _credential("AWS_ACCESS_KEY_ID", environment):
        told["access_key_id"] = key
    if secret := _credential("AWS_SECRET_ACCESS_KEY", environment):
        told["secret_access_key"] = secret
    return S3Store(
        name,
        prefix=prefix or None,
        config=told,
        # Whoever gives an address that begins with http:// wants it so.
        client_options={"allow_http": (endpoint or "").startswith("http://")},
        retry_config={"max_retries": 0},
    )


def _credential(key: str, environment: Mapping[str, str]) -> str | None:
    """What a variable says, or the file that its twin names; ConfigError when that cannot be read."""
    file = environment.get(f"{key}_FILE")
    if not file:
        return environment.get(key)
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"{key}_FILE = {file}: cannot be read: {error.strerror}") from None


def _fetched_before(disk: Disk) -> str | None:
    try:
        line = read_checked(disk, FETCHED)
    except NotFound:
        return None
    return None if line is None else line.decode()


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
