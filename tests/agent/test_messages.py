"""What of a log goes to Redis."""

import math
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.agent.messages import GROUP_MAX, Message, Messages, parents, value_text
from headwater.agent.options import parse_redis, redis_place
from headwater.log.cursors import Cursor
from headwater.log.disk import RealDisk
from headwater.model.ids import DataPointId, IdRun
from headwater.model.stamp import Lists, Same, Select, bitmap
from tests.agent.logs import NODE, Written


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Written]:
    made = Written(RealDisk(tmp_path))
    yield made
    made.close()


def everything(messages: Messages) -> list[Message]:
    found = []
    while (group := messages.group()) is not None:
        assert len(group.messages) <= GROUP_MAX
        found += group.messages
    return found


def reader(written: Written) -> Messages:
    return Messages(written.disk, NODE, 3_600_000, lambda: written.clock_ms, Cursor(0, 0))


@pytest.mark.parametrize("count", [1, 3, GROUP_MAX, 3 * GROUP_MAX + 1])
def test_every_reading_is_a_message_once_in_log_order(written: Written, count: int) -> None:
    written.write(count, batches=5)
    found = everything(reader(written))
    readings = [(str(run.at(at)), one) for run, held in written.batches for at, one in enumerate(held)]
    assert [message[:6] for message in found] == [
        (id, one.metric, repr(one.value), one.meter, str(one.timestamp), "") for id, one in readings
    ]


def test_a_reader_that_begins_anywhere_knows_the_names_from_before(written: Written) -> None:
    written.write(20, batches=60)
    messages = reader(written)
    whole = everything(messages)
    for after in range(0, written.log.state.sequence, 7):
        messages = reader(written)
        messages.rewind(after)
        assert everything(messages) == [message for message in whole if message.sequence > after]


def test_a_group_ends_where_the_log_is_done_with(written: Written) -> None:
    """What is kept of a record half done is kept again: the position stays before it."""
    written.write(GROUP_MAX + 1)
    messages = reader(written)
    ends = []
    while (group := messages.group()) is not None:
        ends.append((len(group.messages), group.upto.sequence))
    last = written.sequence_of(written.batches[0][0])
    assert ends == [(GROUP_MAX, last - 1), (1, last)]


def test_the_parent_is_the_one_input_if_it_is_one() -> None:
    run = IdRun(5, 1000, 4)
    one, two = DataPointId(5, 1001), DataPointId(5, 1003)
    assert list(islice(parents(None), 2)) == ["", ""]
    assert list(islice(parents(Same(run)), 4)) == [str(run.at(at)) for at in range(4)]
    assert list(islice(parents(Select(run, bitmap([1, 3], 4))), 2)) == [str(one), str(two)]
    lists = Lists("average", ((IdRun(5, 1001, 1),), (run,), (IdRun(5, 1, 1), IdRun(5, 3, 1)), ()))
    assert list(islice(parents(lists), 4)) == [str(one), "", "", ""]


@given(st.floats(allow_nan=False))
def test_the_text_of_a_value_is_read_back_to_the_same_bits(value: float) -> None:
    text = value_text(value)
    assert math.copysign(1, float(text)) == math.copysign(1, value)
    assert float(text) == value


def test_a_value_that_is_no_number_is_written_as_2018_wrote_it() -> None:
    assert [value_text(value) for value in (math.nan, math.inf, -math.inf)] == ["NaN", "Infinity", "-Infinity"]


@pytest.mark.parametrize("url", ["redis://h:1/2", "rediss://u:p@h", "redis://127.0.0.1", "unix:///run/r.sock?db=3"])
def test_redis_urls_are_taken_as_they_are(url: str) -> None:
    assert parse_redis(url) == url


@pytest.mark.parametrize("url", ["", "h:6379", "http://h", "redis://", "redis://h:x", "redis://h:1/name", "unix://"])
def test_what_is_no_redis_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"redis:|URL|database"):
        parse_redis(url)


def test_a_place_does_not_tell_the_password() -> None:
    assert redis_place("redis://user:secret@h:1/2") == "redis://h:1/2"
    assert "secret" not in redis_place("redis://h:1/2?password=secret")
