"""What can be asked of the API: each question once, as a pure function that both clients share.

A `Call` is one request, `Pages` a list that is asked page by page, a `Stream` events without end.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, Literal, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from headwater.client import results
from headwater.client.replies import Reply, next_path
from headwater.model.errors import HeadwaterError

T = TypeVar("T")
Direction = Literal["backward", "forward"]


class Call(NamedTuple, Generic[T]):
    """One request that changes nothing, so that it may be sent again, and how to read what is answered."""

    path: str
    """With its query."""
    read: Callable[[bytes], T]
    body: bytes | None = None
    """JSON."""
    method: Literal["GET", "POST", "DELETE"] = "GET"


class Pages(NamedTuple, Generic[T]):
    """A list, asked page by page while it is iterated over."""

    first: Call[tuple[T, ...]]

    def behind(self, reply: Reply) -> Call[tuple[T, ...]] | None:
        """The call for the page behind an answer, None behind the last one."""
        path = next_path(reply)
        return None if path is None else self.first._replace(path=path)


class Stream(NamedTuple, Generic[T]):
    """Events that go on until whoever asked has enough."""

    path: str
    kinds: Mapping[str, Callable[[bytes], T]]
    """How to read the data of each kind of event; others are passed over."""
    last_id: str | None = None
    """The event that it goes on behind."""

    def resumed(self, last_id: str) -> "Stream[T]":
        return self._replace(last_id=last_id or self.last_id)


def topology(*, detail: bool = False) -> Call[tuple[results.Node, ...]]:
    """The nodes and where they send; NotFound before the first node has spoken."""
    return Call(_path("/v1/cluster/topology", detail=detail), reading(tuple[results.Node, ...]))


def stats(*, detail: bool = False) -> Call[tuple[results.NodeStat, ...]]:
    """How the nodes stand; NotFound before the first node has spoken."""
    return Call(_path("/v1/cluster/stats", detail=detail), reading(tuple[results.NodeStat, ...]))


def health() -> Call[results.ClusterHealth]:
    """How every node, daemon and link stands, and why; NotFound before the first node has spoken."""
    return Call("/v1/cluster/health", reading(results.ClusterHealth))


def health_events(node: str | None = None, *, page_size: int = 1000) -> Pages[results.HealthEvent]:
    """What has changed in health, about one node (id or name) or all, newest first."""
    return Pages(Call(_path("/v1/cluster/events", node=node, size=page_size), reading(tuple[results.HealthEvent, ...])))


def newest(
    node: str, size: int = 50, *, detail: bool = False, values: bool = False
) -> Call[tuple[results.Datapoint, ...]]:
    """The newest data points of a node id, at most 1,000, newest first; NotFound when it has none."""
    path = _path(f"/v1/cluster/{_part(node)}/provenance", size=size, detail=detail, values=values)
    return Call(path, reading(tuple[results.Datapoint, ...]))


def points_of(
    node: str, *, detail: bool = False, values: bool = False, page_size: int = 1000
) -> Pages[results.Datapoint]:
    """All data points of a node id, newest first; NotFound when it has none."""
    return Pages(newest(node, page_size, detail=detail, values=values))


def trace(id: str, *, forward: bool = False, detail: bool = True, values: bool = True) -> Call[results.Datapoint]:
    """A data point with all it was made from (or went into) nested in it; NotFound when the store has it not."""
    way = "/forward" if forward else ""
    path = _path(f"/v1/provenance/{_part(id)}{way}", structure="recursive", detail=detail, values=values)
    return Call(path, reading(results.Datapoint))


def walk(
    id: str, *, forward: bool = False, detail: bool = False, values: bool = False
) -> Call[tuple[results.Datapoint, ...]]:
    """The same lineage breadth first, each data point once."""
    way = "/forward" if forward else ""
    path = _path(f"/v1/provenance/{_part(id)}{way}", structure="linear", detail=detail, values=values)
    return Call(path, reading(tuple[results.Datapoint, ...]))


def file(
    id: str, *, structure: Literal["recursive", "linear"] = "recursive", detail: bool = False, values: bool = False
) -> Call[bytes]:
    """The file that 2018 offered for saving: indented JSON, as it is."""
    path = _path(f"/v1/provenance/{_part(id)}/static", structure=structure, detail=detail, values=values)
    return Call(path, bytes)


def lineages(
    ids: Iterable[str],
    *,
    structure: Literal["linear", "recursive"] = "linear",
    direction: Direction = "backward",
    detail: bool = False,
    values: bool = False,
) -> Call[tuple[results.LineageAnswer, ...]]:
    """Many lineages at once, in the order asked; Rejected("too-large") beyond the server's limits."""
    question = {"ids": list(ids), "structure": structure, "direction": direction, "detail": detail, "values": values}
    read = reading(tuple[results.LineageAnswer, ...])
    return posted("/v1/lineage", question, read)


def folded(
    id: str, *, forward: bool = False, depth: int | None = None, cards: int | None = None
) -> Call[results.FoldedLineage]:
    """The lineage of a data point in few cards, at most so many hops deep; NotFound when the store has it not."""
    direction = "forward" if forward else None
    return Call(
        _path(f"/v1/folded/{_part(id)}", direction=direction, depth=depth, cards=cards), reading(results.FoldedLineage)
    )


def neighbours(
    id: str, *, forward: bool = False, first: int | None = None, last: int | None = None
) -> Call[results.Neighbours]:
    """What a data point was made from (or went into), from place `first` to before `last` in their order, in at most 40
    parts; NotFound when the store has it not."""
    query = {"direction": "forward" if forward else None, "first": first, "last": last}
    return Call(_path(f"/v1/folded/{_part(id)}/neighbours", **query), reading(results.Neighbours))


def points(ids: Iterable[str], *, detail: bool = False, values: bool = False) -> Call[tuple[results.Datapoint, ...]]:
    """Many data points by their ids, in the order asked; of those that are not stored little more than the id."""
    question = {"ids": list(ids), "detail": detail, "values": values}
    return posted("/v1/points", question, reading(tuple[results.Datapoint, ...]))


def find_page(
    *,
    meter: str | None = None,
    metric: str | None = None,
    from_ms: int | None = None,
    to_ms: int | None = None,
    node: str | None = None,
    least: float | None = None,
    most: float | None = None,
    newest_first: bool = True,
    detail: bool = False,
    values: bool = False,
    size: int = 100,
    cursor: str | None = None,
) -> Call[results.Found]:
    """One page of the values of a meter, a metric, a node (id or name), with from_ms <= event time < to_ms and
    least <= value <= most, each where it entered or was made; what is None may be anything."""
    path = _path(
        "/v1/find",
        **{"meter": meter, "metric": metric, "from": from_ms, "to": to_ms, "node": node, "min": least, "max": most},
        order="newest" if newest_first else "oldest",
        size=size,
        cursor=cursor,
        detail=detail,
        values=values,
    )
    return Call(path, reading(results.Found))


def find(
    *,
    meter: str | None = None,
    metric: str | None = None,
    from_ms: int | None = None,
    to_ms: int | None = None,
    node: str | None = None,
    least: float | None = None,
    most: float | None = None,
    newest_first: bool = True,
    detail: bool = False,
    values: bool = False,
    page_size: int = 1000,
) -> Pages[results.Datapoint]:
    """All of what `find_page` finds. What it says of values that nobody could check is in its pages only."""
    page = find_page(
        meter=meter,
        metric=metric,
        from_ms=from_ms,
        to_ms=to_ms,
        node=node,
        least=least,
        most=most,
        newest_first=newest_first,
        detail=detail,
        values=values,
        size=page_size,
    )
    return Pages(Call(page.path, lambda body: page.read(body).points))


def losses(node: str | None = None, *, page_size: int = 1000) -> Pages[results.Loss]:
    """What was named lost, by one node (id or name) or all, newest first."""
    return Pages(Call(_path("/v1/losses", node=node, size=page_size), reading(tuple[results.Loss, ...])))


def alarms(*, page_size: int = 1000) -> Pages[results.Alarm]:
    """What someone must look into, newest first."""
    return Pages(Call(_path("/v1/alarms", size=page_size), reading(tuple[results.Alarm, ...])))


def periods(*, page_size: int = 1000) -> Pages[results.Period]:
    """The stretches of time whose stamps the store holds, newest first."""
    return Pages(Call(_path("/v1/periods", size=page_size), reading(tuple[results.Period, ...])))


def expired(*, page_size: int = 1000) -> Pages[results.ExpiredPeriod]:
    """Those whose stamps it has deleted, newest first."""
    return Pages(Call(_path("/v1/expired", size=page_size), reading(tuple[results.ExpiredPeriod, ...])))


def reports() -> Call[tuple[results.Report, ...]]:
    """The reports of benchmarks and of runs of chaos that lie in the server's folder, newest first."""
    return Call("/v1/reports", reading(tuple[results.Report, ...]))


def report(name: str) -> Call[dict[str, Any]]:
    """A report as it was written; NotFound when there is none of this name."""
    return Call(f"/v1/reports/{_part(name)}", reading(dict[str, Any]))


def totals() -> Call[results.Totals]:
    """What the store holds."""
    return Call("/v1/totals", reading(results.Totals))


def alive() -> Call[results.Alive]:
    """Whether the API's process lives."""
    return Call("/healthz", reading(results.Alive))


def ready() -> Call[results.Alive]:
    """Whether the store can be read; Unavailable when it cannot."""
    return Call("/readyz", reading(results.Alive))


def live_stamps(
    *, node: str | None = None, meter: str | None = None, metric: str | None = None, last_id: str | None = None
) -> Stream[results.LiveStamp | results.Missed]:
    """What is stamped from now on, or since the event `last_id`: one event per batch, at one node (id or name) or
    all, of one meter or metric or all. After a break it goes on where it was; `Missed` counts what was left out."""
    path = _path("/v1/live/stamps", node=node, meter=meter, metric=metric)
    return Stream(path, {"stamp": reading(results.LiveStamp), "missed": reading(results.Missed)}, last_id)


def live_rates() -> Stream[results.LiveRates | results.Missed]:
    """Readings a second of every node and link, each second."""
    return Stream("/v1/live/rates", {"rates": reading(results.LiveRates), "missed": reading(results.Missed)})


def live_health() -> Stream[results.HealthEvent | results.Missed]:
    """Changes in health as they happen."""
    return Stream("/v1/live/health", {"health": reading(results.HealthEvent), "missed": reading(results.Missed)})


def query(sql: str, *, rows: int | None = None, values: bool = False, id: str | None = None) -> Call[results.SqlAnswer]:
    """The answer to a SELECT over the relation `provenance`, at most so many rows; Rejected says what is wrong with
    it, and where. `values` asks the nodes for the values of all that is read."""
    question = {"query": sql, "format": "json", "rows": rows, "values": values, "id": id}
    return posted("/v1/query", question, reading(results.SqlAnswer))


def query_file(
    sql: str,
    format: Literal["json", "csv", "arrow", "parquet"],
    *,
    rows: int | None = None,
    values: bool = False,
    stream: bool = False,
    id: str | None = None,
) -> Call[bytes]:
    """The same as the bytes of a file, of Arrow as its stream format; `stream` takes all rows there are."""
    question = {"query": sql, "format": format, "rows": rows, "values": values, "stream": stream, "id": id}
    return posted("/v1/query", question, bytes)


def cql(text: str, *, rows: int | None = None, id: str | None = None) -> Call[results.SqlAnswer]:
    """The answer to a SELECT of CQL over the tables of a store on Cassandra, at most so many rows; Rejected says what
    is wrong with it, and where. NotFound with another store."""
    return posted("/v1/cql", {"query": text, "rows": rows, "id": id}, reading(results.SqlAnswer))


def cql_tables() -> Call[results.CqlKeyspace]:
    """The tables that CQL may ask; NotFound with a store that is not on Cassandra."""
    return Call("/v1/cql", reading(results.CqlKeyspace))


def cancel(id: str) -> Call[None]:
    """End a query; NotFound when none of this id waits or runs."""
    return Call(f"/v1/query/{_part(id)}", lambda _: None, method="DELETE")


def forget(node: str) -> Call[None]:
    """Judge a node (id or name) no longer that was taken out of service; it comes back by itself when it reports again.
    Rejected("in-use") while it is heard, or a node that is heard sends to it; NotFound when it is not judged."""
    return Call(f"/v1/cluster/health/{_part(node)}", lambda _: None, method="DELETE")


def pql(query: str) -> Call[results.PqlAnswer]:
    """A query as the 2018 system took it, and its QueryResult."""
    return posted("/v1/provenance", {"query": query}, reading(results.PqlAnswer))


def queries() -> Call[tuple[results.SqlQuery, ...]]:
    """The queries that wait or run, oldest first."""
    return Call("/v1/query", reading(tuple[results.SqlQuery, ...]))


def openapi() -> Call[dict[str, object]]:
    """The OpenAPI description of the server."""
    return Call("/v1/openapi.json", reading(dict[str, object]))


def posted(path: str, question: object, read: Callable[[bytes], T]) -> Call[T]:
    """A call that posts a question as JSON."""
    return Call(path, read, msgspec.json.encode(question), "POST")


def reading(kind: type[T]) -> Callable[[bytes], T]:
    """How to read a body as a value; HeadwaterError when it is not what a server of ours says."""
    decode = msgspec.json.Decoder(kind).decode

    def read(body: bytes) -> T:
        try:
            return decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise HeadwaterError(f"the answer is not one of a Headwater server: {error}") from None
        except RecursionError:
            raise HeadwaterError("the answer is nested too deep to be read") from None

    return read


def _path(path: str, **query: object) -> str:
    """A path with the part of a query that is set; False is what a server assumes anyway."""
    asked = {
        name: "true" if value is True else value
        for name, value in query.items()
        if value is not None and value is not False
    }
    return f"{path}?{urlencode(asked)}" if asked else path


def _part(text: str) -> str:
    return quote(text, safe="")
