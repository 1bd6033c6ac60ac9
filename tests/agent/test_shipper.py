"""What of a log goes to the store."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import zstandard

from headwater.agent.shipper import Group, Shipper, pack
from headwater.log.disk import RealDisk
from headwater.log.explained import take_reports
from headwater.log.segments import segment_name, segments
from headwater.model.errors import Unavailable
from headwater.model.ids import IdRun
from headwater.model.records import Batch, Config, Kind, Loss, Position
from headwater.model.shipment import Shipment, ShippedStamp
from headwater.model.stamp import Origin, OriginKind, Same, Stamp
from headwater.wire import codec
from headwater.wire.records import decode_batch
from tests.agent.logs import NODE, Written
from tests.pipeline.daemons import FullDisk


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Written]:
    made = Written(RealDisk(tmp_path))
    yield made
    made.close()


def everything(shipper: Shipper) -> list[Group]:
    """All groups that there are now."""
    groups = []
    while (group := shipper.group()) is not None:
        groups.append(group)
    return groups


def stamps(groups: list[Group]) -> list[ShippedStamp]:
    return [shipped for group in groups for shipped in group.shipment.stamps]


def expected(written: Written) -> list[ShippedStamp]:
    """The stamps of a log as they should be shipped, from its records."""
    found = []
    for record in written.records:
        if record.kind in (Kind.DATA, Kind.OUT):
            batch = decode_batch(record)
            if batch.stamp is not None:
                keys = None if isinstance(batch.stamp.inputs, Same) else codec.keys(batch.payload)
                found.append(ShippedStamp(record.sequence, record.kind, batch.stamp, batch.origin, batch.entry, keys))
    return found


def test_what_is_shipped_is_what_the_log_has_and_nothing_else(written: Written) -> None:
    written.write(20, batches=50)
    written.log.append_twice(Kind.CONFIG, Config(NODE, "node"))
    written.log.append_twice(Kind.LOSS, Loss("gap", b"12345678", 1, 5, 10), upstream=Position(b"12345678", 5))
    written.log.commit()
    groups = everything(Shipper(written.disk, 7))
    assert stamps(groups) == expected(written)
    assert {one for group in groups for one in group.shipment.definitions} == set(written.log.state.series.values())
    assert {one.id for group in groups for one in group.shipment.contexts} == set(written.log.state.contexts)
    # What is logged twice is one thing.
    assert [config for _, config in groups[-1].shipment.configs] == [Config(NODE, "node")]
    assert [loss.last for _, loss in groups[-1].shipment.losses] == [5]
    assert groups[-1].last == written.log.durable
    assert groups[-1].total == written.log.state.count
    assert max(len(group.shipment.stamps) for group in groups) <= 7


def test_a_later_hop_ships_neither_series_nor_times(written: Written) -> None:
    written.write(10)
    upstream = IdRun(9, 1, 10)
    (record,) = [record for record in written.records if record.kind == Kind.DATA]
    batch = decode_batch(record)
    assert batch.stamp is not None
    stamp = Stamp(written.log.allocate(10), Same(upstream), batch.stamp.context, written.clock_ms)
    body = Batch(Origin(OriginKind.ENTRY, b"12345678", 1), b"12345678", 10, batch.payload, stamp)
    written.log.append(Kind.DATA, body, readings=10)
    written.log.commit()
    assert [shipped.keys is None for shipped in stamps(everything(Shipper(written.disk, 256)))] == [False, True]


def test_nothing_behind_the_durable_mark_is_shipped(written: Written) -> None:
    shipper = Shipper(written.disk, 256)
    for number in range(1, 30):
        written.write(20, commit=False)
        assert len(stamps(everything(shipper))) == 0
        written.log.commit()
        assert len(stamps(everything(shipper))) == 1
        assert shipper.position == written.log.durable
        assert number == len(written.batches)


def test_what_was_written_and_could_not_be_synced_is_not_shipped(tmp_path: Path) -> None:
    disk = FullDisk(tmp_path)
    written = Written(disk)
    written.write(5)
    written.write(5, commit=False)
    disk.full = True
    with pytest.raises(Unavailable):
        written.log.commit()
    assert len(stamps(everything(Shipper(disk, 256)))) == 1
    written.close()


def test_it_goes_on_behind_what_the_store_has(written: Written) -> None:
    written.write(5, batches=20)
    shipper = Shipper(written.disk, 4)
    groups = everything(shipper)
    shipper.rewind(groups[1].last)
    assert stamps(everything(shipper)) == stamps(groups[2:])
    shipper.rewind(0)
    assert stamps(everything(shipper)) == stamps(groups)


def test_damage_is_reported_and_passed_once_it_is_named(written: Written) -> None:
    written.write(20, batches=30)
    hurt = written.batches[12][0]
    written.damage(written.sequence_of(hurt))
    shipper = Shipper(written.disk, 256)
    before = stamps(everything(shipper))
    assert [shipped.stamp.run for shipped in before] == [run for run, _ in written.batches[:12]]
    assert everything(shipper) == []
    (report,) = take_reports(written.disk)
    written.name_damage(report)
    after = everything(shipper)
    assert [shipped.stamp.run for shipped in stamps(after)] == [run for run, _ in written.batches[13:]]
    (loss,) = [loss for group in after for _, loss in group.shipment.losses]
    assert loss.stamps == ((report.first, report.last),)


def test_a_report_that_is_overlooked_is_made_again(written: Written) -> None:
    written.write(20, batches=30)
    written.damage(written.sequence_of(written.batches[12][0]))
    shipper = Shipper(written.disk, 256)
    everything(shipper)
    assert take_reports(written.disk)
    everything(shipper)
    assert take_reports(written.disk)


def test_a_store_that_starts_over_gets_what_is_held_with_all_the_names_it_needs(written: Written) -> None:
    written.write(20, batches=60)
    firsts = segments(written.disk)
    gone = firsts[len(firsts) // 2]
    for first in firsts:
        if first < gone:
            written.disk.unlink(segment_name(first))
    groups = everything(Shipper(written.disk, 256))
    shipped = stamps(groups)
    assert shipped == expected(written)
    assert 0 < len(shipped) < 60
    named = {(one.log, one.number) for group in groups for one in group.shipment.definitions}
    for one in shipped:
        assert one.keys is not None
        assert {(one.entry, number) for number in codec.decode_keys(one.keys)[0].tolist()} <= named
    assert {one.stamp.context for one in shipped} <= {one.id for group in groups for one in group.shipment.contexts}


def test_another_log_in_the_folder_is_not_shipped_as_if_it_were_the_first(written: Written) -> None:
    written.write(5, batches=10)
    shipper = Shipper(written.disk, 256)
    everything(shipper)
    written.disk.store_word("mark", 1)
    with pytest.raises(Unavailable, match="begun anew"):
        shipper.group()


def test_a_group_travels_as_it_is(written: Written) -> None:
    written.write(20, batches=5)
    (group,) = everything(Shipper(written.disk, 256))
    message = pack(group).group
    body = zstandard.ZstdDecompressor().decompress(message.body)
    assert (message.last, msgspec.msgpack.decode(body, type=Shipment)) == (group.last, group.shipment)


def test_fewer_points_than_wanted_wait_until_there_are_more(written: Written) -> None:
    shipper = Shipper(written.disk, 256)
    written.write(9)
    assert shipper.group(10) is None

    written.write(1)
    group = shipper.group(10)

    assert group is not None
    assert group.points == 10
    assert stamps([group]) == expected(written)
    assert shipper.group(1) is None


def test_a_group_of_as_many_records_as_may_be_waits_for_no_points(written: Written) -> None:
    written.write(1, batches=3)

    group = Shipper(written.disk, 3).group(1000)

    assert group is not None
    assert group.last == 3


def test_what_waits_for_more_is_read_once(written: Written) -> None:
    shipper = Shipper(written.disk, 256)
    written.write(9)

    assert shipper.group(10) is None
    assert shipper.position == written.log.durable


def test_what_waits_is_forgotten_when_the_store_says_where_to_go_on(written: Written) -> None:
    shipper = Shipper(written.disk, 256)
    written.write(9)
    assert shipper.group(10) is None

    shipper.rewind(0)

    assert [group.points for group in everything(shipper)] == [9]
