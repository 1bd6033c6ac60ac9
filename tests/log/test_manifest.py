"""The manifest allows numbers before they are used, and a log does not start without it."""

import msgspec
import pytest

from headwater.log.checked import replace_checked
from headwater.log.manifest import MANIFEST, Manifest, load_manifest, save_manifest
from headwater.model.errors import ConfigError
from headwater.model.ids import COUNTER_BITS, first_ordinal
from tests.simulation.disk import SimDisk

EXAMPLE = Manifest(1, "0000a1", "00112233445566aa", 100, 1_700_000_000)


def test_a_saved_manifest_is_loaded() -> None:
    disk = SimDisk()
    assert load_manifest(disk) is None
    save_manifest(disk, EXAMPLE)
    assert load_manifest(disk) == EXAMPLE


def test_what_is_allowed_already_changes_nothing() -> None:
    assert EXAMPLE.reserved(99, first_ordinal(EXAMPLE.second)) is EXAMPLE


def test_more_is_allowed_than_what_is_needed_now() -> None:
    assert EXAMPLE.reserved(100, 0).sequence > 1000
    ordinal = first_ordinal(EXAMPLE.second) + (3 << COUNTER_BITS) + 1
    assert first_ordinal(EXAMPLE.reserved(1, ordinal).second) > ordinal + (10 << COUNTER_BITS)


def test_one_flipped_bit_takes_nothing_and_two_stop_the_start() -> None:
    disk = SimDisk()
    save_manifest(disk, EXAMPLE)
    for bit in range(8 * disk.size(MANIFEST)):
        disk.flip(MANIFEST, bit)
        assert load_manifest(disk) == EXAMPLE
        disk.flip(MANIFEST, bit)
    disk.flip(MANIFEST, 20)
    disk.flip(MANIFEST, 20 + 4 * disk.size(MANIFEST))
    with pytest.raises(ConfigError, match=r"damaged.*--new-log"):
        load_manifest(disk)


def test_a_manifest_that_is_no_text_stops_the_start() -> None:
    disk = SimDisk()
    replace_checked(disk, MANIFEST, b'{"version": 1, "node": "\xff"}')
    with pytest.raises(ConfigError, match=r"damaged.*--new-log"):
        load_manifest(disk)


def test_a_newer_manifest_is_refused_whatever_else_it_says() -> None:
    disk = SimDisk()
    save_manifest(disk, msgspec.structs.replace(EXAMPLE, version=2))
    with pytest.raises(ConfigError, match=r"format 2.*format 1"):
        load_manifest(disk)
