"""`/v1/live`: what clients are told as it comes, and what they can rely on when something is slow, ends or breaks."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

import httpx
import pytest

from headwater.api.feed import Event, Feed, Listener, Wanted, frame
from headwater.api.options import ApiOptions
from headwater.client import Client, Retries
from headwater.client.results import LiveRates, LiveStamp, Missed
from headwater.model.errors import Rejected, Unavailable
from headwater.model.reading import SeriesKey
from headwater.model.shipment import Shipment
from headwater.store.port import Landing
from headwater.store.sqlite import SqliteWriter
from tests.api import grid
from tests.api.grid import METER, METRIC, A, C, E, log_of
from tests.api.served import served

QUICK = ApiOptions(live_interval_s=0.01, rates_interval_s=0.01, heartbeat_s=0.05, live_clients_max=3)
ONCE = Retries(times=0)


@contextmanager
def live(folder: Path, options: ApiOptions = QUICK) -> Iterator[tuple[SqliteWriter, str]]:
    """A filled store that takes more, and the API over it."""
    writer = grid.open_writer(folder)
    grid.fill(writer, {})
    with closing(writer), served(lambda: grid.open_reader(folder), lambda: grid.NOW_MS, options) as api:
        yield writer, str(api.base_url)


def more(writer: SqliteWriter, node: int, sequence: int) -> str:
    """Ship one more batch; answers the id of its first reading."""
    made = grid.run(node, 100 * sequence, 2)
    keyed = grid.keys(1, [grid.T0, grid.T0 + 5])
    stamp = grid.stamped(sequence, made, None, grid.WHERE, grid.T0, origin=grid._SENSOR, entry=node, keyed=keyed)
    writer.add(log_of(node), [(sequence, Shipment((stamp,)))])
    return str(made.at(0))


def test_stamps_come_as_they_are_stored_to_those_who_want_them(tmp_path: Path) -> None:
    with live(tmp_path) as (writer, url), Client(url, retries=ONCE) as client, Client(url, retries=ONCE) as other:
        everything = client.live_stamps(last_id="0--1")
        assert len(list(islice(everything, 10))) == 10
        narrowed = other.live_stamps(node="gatewayA", meter=METER, metric=METRIC, last_id="0--1")
        assert isinstance(next(narrowed), LiveStamp)
        ids = [more(writer, E, 20), more(writer, A, 21), more(writer, C, 22)]
        stamps = [one for one in islice(everything, 3) if isinstance(one, LiveStamp)]
        assert [one.id for one in stamps] == ids
        assert (stamps[1].count, stamps[1].name, stamps[1].series) == (2, "gatewayA", ((METER, METRIC),))
        assert (stamps[1].first_time, stamps[1].last_time) == (grid.T0, grid.T0 + 5)
        wanted = next(narrowed)
        assert isinstance(wanted, LiveStamp)
        assert wanted.id == ids[1]


def test_a_stream_that_is_resumed_neither_skips_nor_repeats_while_stamps_arrive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Few at a time, so that catching up takes several looks.
    monkeypatch.setattr("headwater.api.live.LOOK_BATCHES", 5)
    with live(tmp_path) as (writer, url):
        shipped: list[str] = []
        stop = threading.Event()

        def ship() -> None:
            for sequence in range(20, 120):
                shipped.append(more(writer, A, sequence))
                if stop.is_set():
                    return

        shipping = threading.Thread(target=ship)
        shipping.start()
        seen: list[str] = []
        last = "0--1"
        with httpx.Client(base_url=url, timeout=30) as client:
            while len(seen) < 110:
                # Each connection is cut after some events, as a bad line would.
                with client.stream("GET", "/v1/live/stamps", headers={"Last-Event-ID": last}) as answer:
                    lines = answer.iter_lines()
                    for _ in range(7):
                        for line in lines:
                            if line.startswith("id: "):
                                last = line[4:]
                            if line.startswith("data: "):
                                seen.append(line.partition('"id":"')[2][:20])
                                break
                        if len(seen) == 110:
                            break
        stop.set()
        shipping.join()
        assert seen[10:] == shipped


def test_what_a_slow_client_missed_is_counted_before_what_comes_next() -> None:
    async def run() -> list[bytes]:
        feed, slow, quick = Feed(_nothing), Listener(Wanted(), 3), Listener(Wanted(), 99)
        feed.add(slow)
        feed.add(quick)
        feed.publish([Event(frame("stamp", b"%d" % at)) for at in range(5)])
        taken = [await anext(listener.frames(60)) for listener in (slow, quick)]
        await feed.close()
        return taken

    slow, quick = asyncio.run(run())
    assert slow.startswith(
        b'event: missed\ndata: {"events":2,"why":"the client is too slow"}\n\nevent: stamp\ndata: 2\n'
    )
    assert quick == b"".join(frame("stamp", b"%d" % at) for at in range(5))


async def _nothing(_: Feed) -> None:
    await asyncio.sleep(60)


def test_an_event_is_wanted_by_node_and_by_one_series_that_has_both_names() -> None:
    event = Event(b"", Landing(1, 1), 7, frozenset({SeriesKey("m1", "a"), SeriesKey("m2", "b")}))
    assert Wanted(7, "m1", "a").takes(event)
    assert Wanted(None, "m2").takes(event)
    assert not Wanted(None, "m1", "b").takes(event)
    assert not Wanted(8).takes(event)


def test_a_place_that_is_gone_or_of_another_store_is_told(tmp_path: Path) -> None:
    with live(tmp_path) as (writer, url), Client(url, retries=ONCE) as client:
        events = client.live_stamps(last_id="99-5")
        missed = next(events)
        assert isinstance(missed, Missed)
        assert (missed.events, missed.why.partition(":")[0]) == (
            None,
            "the store has not come as far as the event that was named",
        )
        id = more(writer, A, 20)
        assert getattr(next(events), "id", None) == id
        with pytest.raises(Rejected, match=r"Last-Event-ID: 'x' is not the id of an event of ours"):
            next(client.live_stamps(last_id="x"))
        with pytest.raises(Rejected, match="nobody"):
            next(client.live_stamps(node="nobody"))


def test_rates_come_for_every_node_and_link(tmp_path: Path) -> None:
    with live(tmp_path) as (_, url), Client(url, retries=ONCE) as client:
        first, second = islice(client.live_rates(), 2)
    assert isinstance(first, LiveRates)
    assert first == second
    assert first.at == grid.NOW_MS
    assert (first.nodes[0].name, first.nodes[0].receive_rate) == ("gatewayA", 60.0)
    assert [(link.source, link.target, link.rate) for link in first.links] == [
        ("000001", "000003", 58.0),
        ("000003", "000004", 58.0),
        ("00000b", "000003", 0.0),
    ]


def test_a_silent_stream_says_that_it_lives(tmp_path: Path) -> None:
    with live(tmp_path) as (_, url), httpx.stream("GET", f"{url}/v1/live/stamps") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert list(islice(answer.iter_lines(), 4)) == [": alive", "", ": alive", ""]


def test_so_many_clients_follow_and_no_more(tmp_path: Path) -> None:
    with live(tmp_path) as (_, url):
        clients = [Client(url, retries=ONCE) for _ in range(4)]
        streams = [client.live_rates() for client in clients[:3]]
        for stream in streams:
            next(stream)
        with pytest.raises(Unavailable, match="3 clients follow live events already"):
            next(clients[3].live_rates())
        for client in clients[:3]:
            client.close()
        # A place is free as soon as the server has noticed.
        with Client(url, retries=Retries(times=1000, first_s=0.01, most_s=0.05)) as again:
            next(again.live_stamps(last_id="0--1"))
        clients[3].close()
        del streams


def test_streams_end_when_the_server_stops(tmp_path: Path) -> None:
    with httpx.Client(timeout=60) as client:
        with live(tmp_path) as (_, url):
            request = client.build_request("GET", f"{url}/v1/live/stamps")
            answer = client.send(request, stream=True)
            lines = answer.iter_lines()
            assert next(lines) == ": alive"
        assert set(lines) <= {"", ": alive"}
        answer.close()
