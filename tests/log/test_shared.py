"""A note that processes share: whole at any moment, the last one, and never in the way."""

import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.log.shared import NOTE_BYTES_MAX, SharedNote

SLOT = 16 + NOTE_BYTES_MAX
WRITER = """
import sys
from pathlib import Path
from headwater.log.shared import SharedNote
note = SharedNote(Path(sys.argv[1]), create=True)
for number in range(1, int(sys.argv[2]) + 1):
    note.store(str(number).encode() * (1 + number % 50))
note.close()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "note"


def stored(path: Path, *texts: bytes) -> SharedNote:
    note = SharedNote(path, create=True)
    for text in texts:
        note.store(text)
    return note


def test_the_last_note_is_what_others_find(path: Path) -> None:
    writer = stored(path)
    reader = SharedNote(path, create=False)
    assert reader.load() == b""
    for text in (b"one", b"", b"a much longer one", b"x" * NOTE_BYTES_MAX):
        writer.store(text)
        assert reader.load() == writer.load() == text
    writer.close()
    reader.close()


def test_a_note_outlives_its_writer_and_goes_on_with_the_next(path: Path) -> None:
    stored(path, b"one", b"two", b"three").close()
    again = stored(path, b"four")
    assert again.load() == b"four"
    again.close()


def test_what_is_not_there_yet_is_said_so(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        SharedNote(path, create=False)
    path.write_bytes(b"begun")
    with pytest.raises(FileNotFoundError):
        SharedNote(path, create=False)


def test_a_note_that_is_too_long_is_refused_and_the_last_one_stays(path: Path) -> None:
    note = stored(path, b"one")
    with pytest.raises(ValueError, match="are the most"):
        note.store(b"x" * (NOTE_BYTES_MAX + 1))
    assert note.load() == b"one"
    note.close()


@given(st.integers(0, 4), st.binary(max_size=64), st.sets(st.integers(0, 9)))
def test_a_torn_write_leaves_the_note_before_or_is_whole(
    tmp_path_factory: pytest.TempPathFactory, count: int, text: bytes, words: set[int]
) -> None:
    path = tmp_path_factory.mktemp("shared") / "note"
    texts = [bytes([number]) * 30 for number in range(count)]
    stored(path, *texts).close()
    before = path.read_bytes()
    stored(path, text).close()
    after, torn = path.read_bytes(), bytearray(before)
    at = count % 2 * SLOT
    for word in words:
        torn[at + 8 * word : at + 8 * word + 8] = after[at + 8 * word : at + 8 * word + 8]
    path.write_bytes(torn)
    note = SharedNote(path, create=False)
    found = note.load()
    note.close()
    assert found in (texts[-1] if texts else b"", text if torn == after else None)


def test_when_no_note_is_whole_there_is_none(path: Path) -> None:
    stored(path, b"one", b"two").close()
    path.write_bytes((struct.pack("<QII", 7, 3, 1234) + b"one").ljust(SLOT, b"\0") * 2)
    note = SharedNote(path, create=False)
    assert note.load() == b""
    note.store(b"again")
    assert note.load() == b"again"
    note.close()


def test_a_reader_in_another_process_finds_only_whole_notes_in_order(path: Path) -> None:
    last = 30_000
    stored(path).close()
    reader = SharedNote(path, create=False)
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(last)])
    found = [0]
    while writer.poll() is None or found[-1] != last:
        text = reader.load()
        if not text:
            assert found == [0], "a note was there before"
            continue
        number = whole(text)
        assert number >= found[-1]
        found.append(number)
    reader.close()
    assert writer.wait() == 0
    assert len(set(found)) > 2


def whole(text: bytes) -> int:
    """The number in a note, when all of it is of one writing."""
    for digits in range(1, 6):
        number = int(text[:digits])
        if text == str(number).encode() * (1 + number % 50):
            return number
    raise AssertionError(f"torn: {text!r}")
