"""`/v1/live`: stamps as the store takes them, and the rates of nodes and links each second, as server-sent events."""

import asyncio
import re
from collections.abc import AsyncIterator
from functools import partial

from fastapi import FastAPI, Request
from fastapi.responses import Response
from msgspec import UNSET

from headwater.api import documents, openapi
from headwater.api.answers import encode
from headwater.api.cluster_health import Verdicts, event_of
from headwater.api.eventstream import EventStream
from headwater.api.feed import ALL, HEARTBEAT, Event, Feed, Listener, Wanted, frame, missed
from headwater.api.gather import judged
from headwater.api.service import Service
from headwater.api.stats import stats as described
from headwater.api.words import METER, METRIC, NODE, node_of, text
from headwater.model.errors import Rejected, Unavailable
from headwater.model.health import Change
from headwater.model.ids import IdRun, format_node
from headwater.model.records import Kind
from headwater.store.port import Arrival, Landing, Node, Reader, Standing

LOOK_BATCHES = 256
"""The most batches that are looked at in one piece."""
SHOWN_MAX = 20
"""The most series and input runs that one event spells out."""
GONE = "the store has deleted them"
FOREIGN = "the store has not come as far as the event that was named: is it another store?"
_END = Landing(1 << 62, 0)
_RETRY_AFTER_S = 5.0

_EVENT_ID = re.compile(r"([0-9]{1,15})-(-1|[0-9]{1,15})", re.ASCII)
_LAST_EVENT_ID = openapi.parameter(
    "Last-Event-ID", "header", False, {"type": "string"}, "Go on behind this event, as far as the store has what came"
)


class Live:
    """The feeds, and the clients that follow them."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._options = service.options
        self.stamps = Feed(self._produce_stamps)
        self.rates = Feed(self._produce_rates)
        self.health = Feed(self._produce_health)

    def stop(self) -> None:
        """Let every stream end."""
        for feed in (self.stamps, self.rates, self.health):
            feed.stop()

    async def close(self) -> None:
        for feed in (self.stamps, self.rates, self.health):
            await feed.close()

    async def of_stamps(self, request: Request) -> Response:
        """The stream of stamps that a request asks for."""
        since = _landing(request.headers.get("last-event-id"))
        asked, meter, metric = (text(request, name) for name in ("node", "meter", "metric"))
        node = await self._service.lanes.glance(lambda reader: _node(reader, asked))
        listener = Listener(Wanted(node, meter, metric), self._options.live_queue_events)
        return self._stream(self.stamps, listener, self._followed(listener, since))

    async def of_rates(self) -> Response:
        """The stream of rates."""
        await self._service.lanes.glance(lambda reader: reader.nodes())
        listener = Listener(ALL, self._options.live_queue_events)
        return self._stream(self.rates, listener, listener.frames(self._options.heartbeat_s))

    async def of_health(self) -> Response:
        """The stream of changes in health."""
        await self._service.lanes.glance(lambda reader: reader.nodes())
        listener = Listener(ALL, self._options.live_queue_events)
        return self._stream(self.health, listener, self._begun(listener))

    async def _begun(self, listener: Listener) -> AsyncIterator[bytes]:
        yield HEARTBEAT
        async for frames in listener.frames(self._options.heartbeat_s):
            yield frames

    def _stream(self, feed: Feed, listener: Listener, frames: AsyncIterator[bytes]) -> Response:
        most = self._options.live_clients_max
        if sum(map(len, (self.stamps, self.rates, self.health))) >= most:
            raise Unavailable(f"{most} clients follow live events already; ask again later", _RETRY_AFTER_S)
        feed.add(listener)
        return EventStream(frames, lambda: feed.remove(listener))

    async def _followed(self, listener: Listener, since: Landing | None) -> AsyncIterator[bytes]:
        """What the store took behind a place, if one is given, and then what comes."""
        yield HEARTBEAT
        if since is not None:
            async for frames in self._caught_up(listener, since):
                yield frames
        async for frames in listener.frames(self._options.heartbeat_s):
            yield frames

    async def _caught_up(self, listener: Listener, place: Landing) -> AsyncIterator[bytes]:
        """The events behind a place, at the client's pace, until what is to come is in the listener's queue."""
        listener.behind = _END
        end = await self._service.lanes.watch(lambda reader: reader.landing())
        told = place > end
        if told:
            yield missed(None, FOREIGN)
            place = end
        while not listener.ended:
            events, whole = await self._look(place)
            if not (whole or told):
                yield missed(None, GONE)
                told = True
            if events:
                assert events[-1].place is not None
                place = events[-1].place
                yield b"".join(event.frame for event in events if listener.wanted.takes(event)) or HEARTBEAT
            # Nothing is awaited from here on, so no event can come between the look and the queue.
            if self.stamps.place is not None and place >= self.stamps.place:
                listener.behind = place
                return
            if not events:
                await asyncio.sleep(self._options.live_interval_s)

    async def _produce_stamps(self, feed: Feed) -> None:
        place = feed.place = await self._service.lanes.watch(lambda reader: reader.landing())
        while True:
            events, _ = await self._look(place)
            if events:
                assert events[-1].place is not None
                feed.place = place = events[-1].place
                feed.publish(events)
            if len(events) < LOOK_BATCHES:
                await asyncio.sleep(self._options.live_interval_s)

    async def _look(self, place: Landing) -> tuple[list[Event], bool]:
        return await self._service.lanes.watch(lambda reader: _events(reader, place))

    async def _produce_rates(self, feed: Feed) -> None:
        loop = asyncio.get_running_loop()
        while True:
            begun_s = loop.time()
            nodes, standing = await self._service.lanes.watch(judged)
            feed.publish([Event(frame("rates", encode(self._rates(nodes, standing))))])
            await asyncio.sleep(max(0.0, self._options.rates_interval_s - (loop.time() - begun_s)))

    async def _produce_health(self, feed: Feed) -> None:
        newest = await self._service.lanes.watch(lambda reader: reader.changes(1))
        last = newest[0].number if newest else 0
        while True:
            changes = await self._service.lanes.watch(partial(_following, last))
            if changes:
                last = changes[-1].number
                feed.publish([Event(frame("health", encode(event_of(each)), str(each.number))) for each in changes])
            await asyncio.sleep(self._options.live_interval_s)

    def _rates(self, nodes: list[Node], standing: Standing | None) -> documents.LiveRates:
        now_ms = self._service.now_ms()
        stats = described(nodes, Verdicts(standing, now_ms), detail=True)
        return documents.LiveRates(
            at=now_ms,
            nodes=[
                documents.LiveNode(
                    id=stat.id,
                    name=node.name,
                    health=stat.node_health,
                    receive_rate=stat.receive_rate,
                    send_rate=stat.send_rate,
                )
                for node, stat in zip(nodes, stats, strict=True)
            ],
            links=[link for node, stat in zip(nodes, stats, strict=True) if (link := _link(node, stat))],
        )


def add_live(app: FastAPI, live: Live) -> None:
    """Add the resources."""

    @app.get(
        "/v1/live/stamps",
        summary="Batches as they are stamped, one event each",
        responses=openapi.events(stamp=documents.LiveStamp, missed=documents.Missed),
        openapi_extra=openapi.parameters(NODE, METER, METRIC, _LAST_EVENT_ID),
    )
    async def stamps(request: Request) -> Response:
        return await live.of_stamps(request)

    @app.get(
        "/v1/live/rates",
        summary="Readings a second of every node and link, each second",
        responses=openapi.events(rates=documents.LiveRates, missed=documents.Missed),
    )
    async def rates(request: Request) -> Response:
        return await live.of_rates()

    @app.get(
        "/v1/live/health",
        summary="Changes in health as they happen, one event each",
        responses=openapi.events(health=documents.HealthEvent, missed=documents.Missed),
    )
    async def health(request: Request) -> Response:
        return await live.of_health()


def _following(number: int, reader: Reader) -> list[Change]:
    return reader.following(number, LOOK_BATCHES)


def _node(reader: Reader, asked: str | None) -> int | None:
    """The node that was asked for; Unavailable without a store, before an answer has begun that cannot say so."""
    reader.nodes()
    return None if asked is None else node_of(reader, asked)


def _landing(given: str | None) -> Landing | None:
    if not given:
        return None
    found = _EVENT_ID.fullmatch(given)
    if found is None:
        raise Rejected("event-id", f"Last-Event-ID: {given[:40]!r} is not the id of an event of ours; leave it away")
    return Landing(int(found.group(1)), int(found.group(2)))


def _events(reader: Reader, place: Landing) -> tuple[list[Event], bool]:
    """The next events behind a place, and whether none is missing before them."""
    found = reader.arrivals(place, LOOK_BATCHES)
    names = {node.id: node.name for node in reader.nodes()} if found.batches else {}
    return [_event(arrival, names.get(arrival.run.node)) for arrival in found.batches], found.whole


def _event(arrival: Arrival, name: str | None) -> Event:
    place, run = arrival.place, arrival.run
    body = encode(_stamp(arrival, name))
    id = f"{place.period}-{place.bid}"
    return Event(frame("stamp", body, id), place, run.node, frozenset(arrival.series))


def _stamp(arrival: Arrival, name: str | None) -> documents.LiveStamp:
    times = arrival.times
    return documents.LiveStamp(
        id=str(arrival.run.at(0)),
        count=arrival.run.count,
        node=format_node(arrival.run.node),
        name=name or UNSET,
        kind="out" if arrival.kind == Kind.OUT else "data",
        step=arrival.step or UNSET,
        received=arrival.received_ms,
        inputs=[_run(run) for run in arrival.inputs[:SHOWN_MAX]],
        series=[(key.meter, key.metric) for key in arrival.series[:SHOWN_MAX]],
        series_count=len(arrival.series),
        first_time=UNSET if times is None else times[0],
        last_time=UNSET if times is None else times[1],
    )


def _run(run: IdRun) -> documents.IdRun:
    return documents.IdRun(str(run.at(0)), run.count)


def _link(node: Node, stat: documents.NodeStat) -> documents.LiveLink | None:
    config, health = node.config, stat.outgoing_channel_health
    if config is None or config.next is None or health is UNSET:
        return None
    return documents.LiveLink(
        source=stat.id,
        target=config.next if config.successor is None else format_node(config.successor),
        health=health,
        rate=stat.send_rate,
        backlog=stat.backlog or 0,
    )
