"""`/v1/reports`: what benchmarks and runs of chaos have found, as files of JSON in the server's folder."""

import asyncio
import os
import re
import stat
import time
from pathlib import Path
from typing import Any

import msgspec
from fastapi import FastAPI, Request
from fastapi.responses import Response

from headwater.api import documents, openapi
from headwater.api.answers import encode, json_answer
from headwater.api.service import Service
from headwater.health.chaos.documents import ChaosRun
from headwater.model.errors import NotFound, Rejected, Unavailable

LISTED_MAX = 200
BYTES_MAX = 4 << 20
KEPT_MAX = 100
"""Reports of runs of chaos that the server itself wrote; the oldest goes when there is one more."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.json", re.ASCII)

_KEPT = re.compile(r"chaos-\d{8}T\d{6}Z-[0-9a-f]{6}\.json", re.ASCII)
_REPORT = openapi.parameter("name", "path", True, {"type": "string"}, "The name of a file in the list of reports")
_NO_REPORT = openapi.problem(404, "There is no report of this name")


def add_reports(app: FastAPI, service: Service) -> None:
    """Add the resources."""
    folder = None if service.options.reports is None else Path(service.options.reports)

    @app.get(
        "/v1/reports",
        summary="Reports of benchmarks and of runs of chaos, newest first, at most 200",
        responses=openapi.answers(list[documents.Report], store=False),
    )
    async def reports(request: Request) -> Response:
        found = [] if folder is None else await asyncio.to_thread(listed, folder)
        return json_answer(encode(found))

    @app.get(
        "/v1/reports/{name}",
        summary="A report as it was written, an object of JSON",
        responses=openapi.answers(dict[str, Any], openapi.BAD_REQUEST, _NO_REPORT, store=False),
        openapi_extra=openapi.parameters(_REPORT),
    )
    async def report(request: Request) -> Response:
        name = request.path_params["name"]
        if folder is None or not NAME.fullmatch(name):
            raise _unknown(name)
        return json_answer(await asyncio.to_thread(written, folder, name))


def listed(folder: Path) -> list[documents.Report]:
    """The reports of a folder, newest first; what is not called like one is passed over. Unavailable when it cannot be
    read."""
    try:
        with os.scandir(folder) as entries:
            found = [report for entry in entries if (report := _report(entry)) is not None]
    except FileNotFoundError:  # Nobody has written a report yet.
        return []
    except OSError as error:
        raise Unavailable(f"the folder of reports cannot be read: {error}") from None
    return sorted(found, key=lambda one: (-one.written, one.name))[:LISTED_MAX]


def _report(entry: os.DirEntry[str]) -> documents.Report | None:
    if not NAME.fullmatch(entry.name) or not entry.is_file(follow_symlinks=False):
        return None
    try:
        about = entry.stat(follow_symlinks=False)
    except FileNotFoundError:  # It has just gone.
        return None
    return documents.Report(entry.name, about.st_size, about.st_mtime_ns // 1_000_000)


def written(folder: Path, name: str) -> bytes:
    """What a report says; NotFound when there is none, Rejected("report") when it is no object of JSON."""
    try:
        with open(folder / name, "rb", opener=_opened) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _unknown(name)
            said = file.read(BYTES_MAX + 1)
    except OSError:
        raise _unknown(name) from None
    if len(said) > BYTES_MAX:
        raise Rejected("report", f"{name} is longer than {BYTES_MAX >> 20} MiB: read it where it lies")
    try:
        msgspec.json.decode(said, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Rejected("report", f"{name} is no report in JSON: {error}") from None
    return said


def _opened(path: str, flags: int) -> int:
    # A name that leads out of the folder, or a pipe that nobody writes to, is no report.
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def keep(folder: Path, run: ChaosRun) -> None:
    """Write the report of a run that has ended beside the others."""
    assert run.report is not None
    folder.mkdir(parents=True, exist_ok=True)
    begun = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(run.report.begun_ms / 1_000))
    file = folder / f"chaos-{begun}-{run.id[:6]}.json"
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_bytes(msgspec.json.format(encode(run.report), indent=2) + b"\n")
    unfinished.replace(file)
    kept = sorted(one for one in folder.iterdir() if _KEPT.fullmatch(one.name))
    for old in kept[:-KEPT_MAX]:
        old.unlink(missing_ok=True)


def _unknown(name: str) -> NotFound:
    return NotFound(f"there is no report {name[:100]!r}; /v1/reports lists them")
