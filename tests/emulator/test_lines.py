"""Files come out of `lines` as their lines, however they are cut, packed or damaged."""

import gzip
import resource
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.emulator.lines import LINE_BYTES_MAX, Block, LineFile, first_lines
from headwater.model.errors import ConfigError, Rejected


def read(path: Path, size: int) -> list[Block]:
    file = LineFile(path)
    blocks = []
    while (block := file.next_block(size)) is not None:
        blocks.append(block)
    return blocks


def text_of(blocks: list[Block]) -> bytes:
    return b"".join(block.data for block in blocks)


@given(
    lines=st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")), max_size=20),
    size=st.integers(4, 200),
    members=st.integers(0, 3),
    last=st.sampled_from([b"", b"\n"]),
)
def test_any_block_size_and_packing_gives_the_same_lines(
    lines: list[bytes], size: int, members: int, last: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("lines") / "file"
    text = b"time" + b"\n".join(lines) + last
    cut = len(text) // (members or 1) + 1
    packed = [gzip.compress(text[at : at + cut]) for at in range(0, len(text), cut)]
    path.write_bytes(b"".join(packed) + b"\0" * 5 if members else text)
    blocks = read(path, size)
    assert text_of(blocks) == text
    assert [block.first_line for block in blocks] == first_lines_of(blocks)


def first_lines_of(blocks: list[Block]) -> list[int]:
    numbers, line = [], 1
    for block in blocks:
        numbers.append(line)
        line += block.data.count(b"\n")
    return numbers


def test_a_line_without_end_is_refused_and_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"first\n" + b"x" * (3 * LINE_BYTES_MAX) + b"\nthird\n")
    blocks = read(path, 10_000)
    assert text_of(blocks) == b"first\nthird\n"
    assert blocks[-1].first_line == 3
    assert [(refusal.line, refusal.reason) for block in blocks for refusal in block.refusals] == [(2, "length")]


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_gzip_file_gives_what_is_good_and_says_where_it_ends(tmp_path: Path, damage: str) -> None:
    lines = b"".join(b"%d,%d\n" % (n, n * n) for n in range(20_000))
    packed = bytearray(gzip.compress(lines))
    if damage == "cut":
        del packed[-3000:]
    else:
        packed[-3000] ^= 0xFF
    path = tmp_path / "file.gz"
    path.write_bytes(packed)
    blocks = read(path, 4096)
    good = text_of(blocks)
    last = blocks[-1].refusals[-1]
    assert lines[:1000] == good[:1000]
    assert (last.reason, last.line) == ("gzip", good.count(b"\n") + 1)


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    for path, data in ((tmp_path / "a", b"\xef\xbb\xbftime\n"), (tmp_path / "b", gzip.compress(b"\xef\xbb\xbftime\n"))):
        path.write_bytes(data)
        assert first_lines(path).data == b"time\n"


def test_more_files_than_may_be_open_are_read_side_by_side(tmp_path: Path) -> None:
    count = 40
    for n in range(count):
        (tmp_path / f"{n}").write_bytes(b"a\nb\n" if n % 2 else gzip.compress(b"a\nb\n"))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    open_now = len(list(Path("/proc/self/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_now + 10, hard))
    try:
        files = [LineFile(tmp_path / f"{n}") for n in range(count)]
        assert all(file.next_block(2) is not None for file in files)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_file_that_vanishes_ends_with_a_refusal(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a\nb\n")
    file = LineFile(path)
    assert file.next_block(2) == Block(1, b"a\n")
    path.unlink()
    gone = file.next_block(2)
    assert gone is not None
    assert (gone.refusals[0].line, gone.refusals[0].reason) == (2, "unreadable")
    assert file.next_block(2) is None


def test_a_file_without_anything_to_read_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(Rejected, match="empty"):
        first_lines(tmp_path / "empty")
    with pytest.raises(ConfigError, match="absent cannot be read"):
        first_lines(tmp_path / "absent")
