"""What a CSV parser makes of a block of lines: readings as columns, and the lines it refused."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from headwater.emulator.lines import Block, Refusal
from headwater.model.errors import Rejected

MISSING = frozenset(
    ["", "?", "-", "NA", "na", "N/A", "n/a", "nan", "NaN", "NAN", "null", "NULL", "Null", "none", "None"]
)


class Rows(NamedTuple):
    """Readings in the order of the file: codes of meter (None: the file is one meter) and metric, ms, value."""

    meters: NDArray[np.int32] | None
    metrics: NDArray[np.int32]
    times: NDArray[np.int64]
    values: NDArray[np.float64]
    refusals: Sequence[Refusal]
    empty: int


class Parser(Protocol):
    """Reads blocks of one file in order."""

    @property
    def metrics(self) -> "Names":
        """The metrics met so far."""
        ...

    def parse(self, block: Block) -> Rows:
        """Read every line of the block; a line that does not parse is refused and costs only itself."""
        ...


class Names:
    """Names and their codes, 0 for the first one met; at most `limit`, after which new names are refused."""

    def __init__(self, what: str, limit: int) -> None:
        self.known: list[str] = []
        self._what = what
        self._limit = limit
        self._codes: dict[str, int] = {}

    def code(self, text: str) -> int:
        """Give the code of a name, spaces around it ignored. Raises Rejected when empty or one too many."""
        code = self._codes.get(text)
        return self._add(text) if code is None else code

    def codes(self, texts: Iterable[str]) -> NDArray[np.int32]:
        """Give the codes of many names. Raises Rejected like `code`."""
        known = self._codes
        try:
            return np.array([known[text] for text in texts], np.int32)
        except KeyError:
            return np.array([self.code(text) for text in texts], np.int32)

    def _add(self, text: str) -> int:
        name = text.strip()
        if not name:
            raise Rejected(self._what, f"the {self._what} is empty")
        code = self._codes.get(name)
        if code is None:
            if len(self.known) >= self._limit:
                raise Rejected(self._what, f"{name!r} is one {self._what} more than the limit of {self._limit}")
            code = self._codes[name] = len(self.known)
            self.known.append(name)
        if len(self._codes) < 4 * self._limit:
            self._codes[text] = code
        return code


def number(text: str) -> float | None:
    """Read a decimal number, None when the value is missing. Raises Rejected for anything else."""
    text = text.strip()
    if text in MISSING:
        return None
    try:
        value = float(text) if "_" not in text else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        hint = ": write a decimal point, not a comma" if "," in text else ""
        raise Rejected("value", f"{text[:40]!r} is not a finite decimal number{hint}")
    return value


def numbers(texts: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.bool_] | None]:
    """Read many numbers, and which are missing (None: none is). Raises ValueError when `number` refuses one."""
    missing = None
    if not MISSING.isdisjoint(texts):
        missing = np.fromiter((text in MISSING for text in texts), np.bool_, len(texts))
        texts = ["0" if text in MISSING else text for text in texts]
    values = np.fromiter(map(float, texts), np.float64, len(texts))
    if not np.isfinite(values).all() or "_" in "".join(texts):
        raise ValueError("not a finite decimal number")
    return values, missing
