"""The ids that an emulator takes from an id provider: which meters, or which recordings, are its own."""

import asyncio
import http.client
import logging
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from headwater.log.checked import read_checked, replace_checked
from headwater.log.disk import Disk
from headwater.model.errors import ConfigError, NotFound, Unavailable
from headwater.wire.reconnect import Backoff

PATH = "/v1/ids"
IDS_MAX = 100_000
"""As many are handed out at once."""
TAKEN = "sensor-ids"
ANSWER_BYTES_MAX = 4 << 20
TIMEOUT_S = 3.0
WAIT_S_MAX = 5.0

_ID = re.compile(r"[0-9]{1,19}", re.ASCII)
_logger = logging.getLogger(__name__)


class Handed(msgspec.Struct, frozen=True):
    """What a provider answers: ids that follow each other."""

    ids: Annotated[tuple[str, ...], Meta(min_length=1, max_length=IDS_MAX)]


async def take_ids(disk: Disk, provider: str, count: int) -> tuple[str, ...]:
    """The ids of an emulator with this journal: those that it took before, or new ones, however long that takes.

    ConfigError when the provider has no more, or what was taken cannot be read. A killed emulator goes on with the
    meters that it had; ids that were handed out and lost on the way are left out, as no other emulator gets them.
    """
    taken = _taken_before(disk)
    if taken:
        if len(taken) != count:
            raise ConfigError(f"this journal has the ids of {len(taken)} meters, not {count}: choose another journal")
        return taken
    backoff = Backoff(random.Random(), WAIT_S_MAX)
    while True:
        try:
            ids = await asyncio.to_thread(ask_for_ids, provider, count)
        except Unavailable as error:
            wait_s = backoff.next_s()
            _logger.warning("id provider at %s: %s; trying again in %.1f s", provider, error, wait_s)
            await asyncio.sleep(wait_s)
        else:
            replace_checked(disk, TAKEN, " ".join(ids).encode())
            _logger.info("the id provider at %s gave %s", provider, _shown(ids))
            return ids


def ask_for_ids(provider: str, count: int) -> tuple[str, ...]:
    """New ids from a provider at host:port; Unavailable when asking again may help, ConfigError when not."""
    host, _, port = provider.rpartition(":")
    connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=TIMEOUT_S)
    try:
        connection.request("POST", f"{PATH}?count={count}")
        answer = connection.getresponse()
        body = answer.read(ANSWER_BYTES_MAX)
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(str(error) or type(error).__name__) from error
    finally:
        connection.close()
    if answer.status in (400, 409):
        raise ConfigError(f"the id provider at {provider} refuses: {body[:200].decode(errors='replace').strip()}")
    return _handed(answer.status, body, count)


def _handed(status: int, body: bytes, count: int) -> tuple[str, ...]:
    try:
        ids = msgspec.json.decode(body, type=Handed).ids if status == http.client.OK else ()
    except (msgspec.DecodeError, UnicodeDecodeError):
        ids = ()
    if len(ids) != count or not _in_a_row(ids):
        raise Unavailable(f"answered {status} without {count} ids: is it an id provider?")
    return ids


def _in_a_row(ids: Sequence[str]) -> bool:
    if not all(_ID.fullmatch(each) for each in ids):
        return False
    first = int(ids[0])
    return [int(each) for each in ids] == list(range(first, first + len(ids)))


def _taken_before(disk: Disk) -> tuple[str, ...]:
    try:
        line = read_checked(disk, TAKEN)
    except NotFound:
        return ()
    if line is None:
        raise ConfigError(f"the journal's file {TAKEN!r} cannot be read: choose another journal, which takes new ids")
    return tuple(line.decode().split())


def files_of(folder: Path, ids: Sequence[str]) -> list[Path]:
    """The recordings of ids in a folder: ID.csv, ID.csv.gz, or all that are in the folder ID. ConfigError for none."""
    return [file for each in ids for file in _files_of(folder, each)]


def _files_of(folder: Path, each: str) -> list[Path]:
    for file in (folder / f"{each}.csv", folder / f"{each}.csv.gz"):
        if file.is_file():
            return [file]
    inner = folder / each
    files = (
        sorted(file for file in inner.glob("*") if file.name.endswith((".csv", ".csv.gz"))) if inner.is_dir() else []
    )
    if not files:
        raise ConfigError(
            f"{folder} has no {each}.csv, {each}.csv.gz or folder {each} with CSV files for the id that was taken: "
            "name the files after the ids, or start the id provider with the first file's name as --start_id"
        )
    return files


def _shown(ids: Sequence[str]) -> str:
    return ids[0] if len(ids) == 1 else f"{ids[0]} to {ids[-1]}"
