"""`/v1/periods` and `/v1/expired`: the stretches of time whose stamps the store holds, and those it has deleted."""

from fastapi import FastAPI
from msgspec import UNSET

from headwater.api import documents
from headwater.api.lists import add_list
from headwater.api.service import Service
from headwater.store.port import Expired, Held


def add_retention(app: FastAPI, service: Service) -> None:
    """Add both resources."""
    add_list(
        *(app, service, "/v1/periods", "The periods that the store holds, newest first", documents.Period),
        lambda reader, count, before: reader.held(count, before),
        _period,
    )
    add_list(
        *(app, service, "/v1/expired", "The periods that were deleted, newest first", documents.ExpiredPeriod),
        lambda reader, count, before: reader.expired(count, before),
        _expired,
    )


def _period(held: Held) -> documents.Period:
    return documents.Period(
        number=held.number,
        begun=held.begun_ms,
        ended=UNSET if held.ended_ms is None else held.ended_ms,
        batches=held.batches,
        points=held.points,
        bytes=held.bytes,
        first_event=UNSET if held.t_min is None else held.t_min,
        last_event=UNSET if held.t_max is None else held.t_max,
    )


def _expired(gone: Expired) -> documents.ExpiredPeriod:
    return documents.ExpiredPeriod(
        number=gone.number,
        why=gone.why,
        at=gone.at_ms,
        begun=gone.begun_ms,
        ended=gone.ended_ms,
        batches=gone.batches,
        points=gone.points,
        bytes=gone.bytes,
        first_event=UNSET if gone.t_min is None else gone.t_min,
        last_event=UNSET if gone.t_max is None else gone.t_max,
        runs=[documents.IdRun(str(run.at(0)), run.count) for run in gone.runs],
    )
