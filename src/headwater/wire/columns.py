"""Columns as bytes: narrow integers, bit masks and doubles, each laid out so that zstd finds what repeats."""

import numpy as np
from numpy.typing import NDArray

from headwater.model.errors import Rejected

Integers = NDArray[np.int64]
Doubles = NDArray[np.float64]
Mask = NDArray[np.bool_]

INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)


def extremes(column: Integers) -> tuple[int, int]:
    """The smallest and the largest of at least one integer."""
    # On short columns argmin and argmax take a third of the time of min and max.
    return int(column[column.argmin()]), int(column[column.argmax()])


def put_integer(value: int) -> bytes:
    """One int64 as a length byte and its shortest little-endian two's complement."""
    return put_form_and_low(0, value)


def put_form_and_low(form: int, low: int) -> bytes:
    """What packed integers begin with: how they are packed (0 to 15) above the size of `low`, then `low`."""
    size = ((low if low >= 0 else ~low).bit_length() + 8) >> 3
    return bytes((form << 4 | size,)) + low.to_bytes(size, "little", signed=True)


def put_narrow(column: Integers) -> bytes:
    """Integers as their distance from a low value, in as few byte planes as the largest needs.

    Layout: one byte `planes << 4 | size of low`, low, then the planes, least significant first. A constant column
    has no planes, so its length does not show.
    """
    if not len(column):
        return b"\x01\x00"
    low, high = extremes(column)
    span = high - low
    if span > 0xFF and low > INT64_MIN + 0xFF:
        # Put zero in the middle of a byte: small steps up and down then share their upper planes.
        shift = (low + 0x80) & 0xFF
        low, span = low - shift, span + shift
    width = (span.bit_length() + 7) >> 3
    head = put_form_and_low(width, low)
    if not width:
        return head
    if width == 1:
        return head + (column - low).astype(np.uint8).tobytes()
    return head + _planes(column - low, width)


def put_bits(mask: Mask) -> bytes:
    """A mask, eight positions a byte, the first in the highest bit."""
    return np.packbits(mask).tobytes()


def put_doubles(column: Doubles) -> bytes:
    """Doubles as eight byte planes, least significant first."""
    return _planes(column, 8)


def _planes(column: Integers | Doubles, width: int) -> bytes:
    octets = column.astype(column.dtype.newbyteorder("<"), copy=False).view(np.uint8)
    return octets.reshape(-1, 8)[:, :width].T.tobytes()


class Narrow:
    """A column that `put_narrow` wrote, not built: its first integers are only summed up."""

    __slots__ = ("_count", "_data", "_low", "_start", "_width", "end")

    def __init__(self, data: bytes, at: int, count: int) -> None:
        """The column of `count` integers that lies in `data` from `at` on; IndexError when that is its end. It is not
        checked otherwise: whether it has an end, and whether its integers are too large."""
        head = data[at]
        self._data = data
        self._count = count
        self._width = head >> 4
        self._start = at + 1 + (head & 0xF)
        self._low = int.from_bytes(data[at + 1 : self._start], "little", signed=True)
        self.end = self._start + self._width * count

    def sum(self, size: int) -> int:
        """The sum of the first `size` integers, at most all of them."""
        total = self._low * size
        for plane in range(self._width):
            start = self._start + plane * self._count
            total += sum(self._data[start : start + size]) << 8 * plane
        return total

    def sums(self, sizes: Integers) -> Integers:
        """The same of many sizes, modulo 2**64."""
        sums: Integers = sums_of_many([self], sizes)[0]
        return sums


def sums_of_many(columns: list[Narrow], sizes: Integers) -> Integers:
    """The sums of the first integers of columns of one length, modulo 2**64: a row for each column, in it one for
    each size; at least one of both."""
    sums = np.array([column._low for column in columns])[:, np.newaxis] * sizes
    by_width: dict[int, list[int]] = {}
    for row, column in enumerate(columns):
        by_width.setdefault(column._width, []).append(row)
    for width, rows in by_width.items():
        if width:
            some = [columns[row] for row in rows]
            octets = np.frombuffer(b"".join([one._data[one._start : one.end] for one in some]), np.uint8)
            planes = octets.reshape(len(some), width, -1)[:, :, : int(sizes.max())]
            summed = np.zeros((len(some), width, planes.shape[2] + 1), np.int64)
            planes.cumsum(axis=2, dtype=np.int64, out=summed[:, :, 1:])
            shifts = 8 * np.arange(width)[:, np.newaxis]
            sums[rows] += (summed.take(sizes, axis=2) << shifts).sum(axis=1)
    return sums


class Reader:
    """A position in untrusted bytes; every method raises `Rejected` ("payload") when they do not hold what is read."""

    __slots__ = ("_at", "_data", "_where")

    def __init__(self, data: bytes, where: str) -> None:
        self._data = data
        self._where = where
        self._at = 0

    def rejected(self, what: str) -> Rejected:
        """The error that says what is wrong at this place."""
        return Rejected("payload", f"{self._where}, byte {self._at}: {what}")

    def take(self, size: int) -> int:
        """The position of the next `size` bytes, which are passed."""
        start = self._at
        if size > len(self._data) - start:
            raise self.rejected(f"needs {size} bytes, {len(self._data) - start} are left")
        self._at = start + size
        return start

    def byte(self) -> int:
        """One unsigned byte."""
        return self._data[self.take(1)]

    def octets(self, size: int) -> bytes:
        """The next `size` bytes."""
        start = self.take(size)
        return self._data[start : start + size]

    def short(self) -> int:
        """One unsigned integer of two bytes."""
        return int.from_bytes(self.octets(2), "little")

    def integer(self) -> int:
        """What `put_integer` wrote."""
        return self._signed(self.byte())

    def narrow(self, count: int) -> Integers:
        """The `count` integers that `put_narrow` wrote."""
        width, low = self.form_and_low()
        if width == 0:
            column = np.empty(count, np.int64)
            column.fill(low)
            return column
        if width > 8:
            raise self.rejected(f"narrow integers of {width} bytes, at most 8 are possible")
        start = self.take(width * count)
        if width == 1:
            column = np.frombuffer(self._data, np.uint8, count, start).astype(np.int64)
        else:
            column = self._planes(start, width, count).view(np.int64)
        if low + (1 << 8 * width) > INT64_MAX and count and int(column.view(np.uint64).max()) + low > INT64_MAX:
            raise self.rejected("an integer past 2**63 - 1")
        column += low
        return column

    def form_and_low(self) -> tuple[int, int]:
        """What `put_form_and_low` wrote."""
        head = self.byte()
        return head >> 4, self._signed(head & 0xF)

    def bits(self, count: int) -> Mask:
        """The `count` positions that `put_bits` wrote."""
        size = (count + 7) >> 3
        start = self.take(size)
        if count & 7 and self._data[self._at - 1] & (0xFF >> (count & 7)):
            raise self.rejected("bits set behind the end of a mask")
        return np.unpackbits(np.frombuffer(self._data, np.uint8, size, start), count=count).view(np.bool_)

    def doubles(self, count: int) -> Doubles:
        """The `count` doubles that `put_doubles` wrote."""
        return self._planes(self.take(8 * count), 8, count).view(np.float64)

    def end(self) -> None:
        """Raise `Rejected` unless everything was read."""
        left = len(self._data) - self._at
        if left:
            raise self.rejected(f"{left} bytes too many")

    def _signed(self, size: int) -> int:
        if not 1 <= size <= 8:
            raise self.rejected(f"an integer of {size} bytes, 1 to 8 are possible")
        return int.from_bytes(self.octets(size), "little", signed=True)

    def _planes(self, start: int, width: int, count: int) -> NDArray[np.uint64]:
        octets = np.zeros((count, 8), np.uint8)
        octets[:, :width] = np.frombuffer(self._data, np.uint8, width * count, start).reshape(width, count).T
        return octets.reshape(-1).view("<u8").astype(np.uint64, copy=False)
