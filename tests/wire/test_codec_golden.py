"""Payloads of every landed format version stay readable: their bytes are in tests/golden/codec.

A file is never changed. To add one, add readings to `examples.py` and run `python -m tests.wire.test_codec_golden`.
"""

from pathlib import Path

import pytest

from headwater.wire import codec
from tests.wire.examples import EXAMPLES, assert_same

GOLDEN = Path(__file__).parents[1] / "golden" / "codec"
LINE_BYTES = 48
FLAGS_ZSTD = 3


def golden(name: str) -> bytes:
    return bytes.fromhex(path(name).read_text(encoding="ascii"))


def path(name: str) -> Path:
    return GOLDEN / f"version 1, {name}.hex".replace(", ", "-").replace(" ", "_")


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_golden_payload_is_read_as_it_was_written(name: str) -> None:
    payload = golden(name)
    assert_same(codec.decode(payload), EXAMPLES[name])
    assert_same(codec.decode_keys(codec.keys(payload)), EXAMPLES[name][:2])


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_zstd_does_not_touch_is_written_as_ever(name: str) -> None:
    payload, written = golden(name), codec.encode(*EXAMPLES[name])
    if payload[1] & FLAGS_ZSTD:
        assert written[1] == payload[1]
    else:
        assert written == payload


def test_no_golden_payload_is_left_unread() -> None:
    assert sorted(GOLDEN.iterdir()) == sorted(path(name) for name in EXAMPLES)


def write_missing() -> None:
    """Write the payloads that have no file yet."""
    for name, columns in EXAMPLES.items():
        if not path(name).exists():
            path(name).write_text(
                codec.encode(*columns).hex(" ", -LINE_BYTES).replace(" ", "\n") + "\n", encoding="ascii"
            )


if __name__ == "__main__":
    write_missing()
