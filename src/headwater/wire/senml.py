"""SenML packs in JSON (RFC 8428): base values resolved, each record by itself."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from headwater.model.errors import Problem, Rejected

VERSION_MAX = 10
RELATIVE_S_MAX = 1 << 28
"""A time below this is relative to now (RFC 8428, 4.5.3)."""
TIME_S_MAX = 253_402_300_800
"""The year 10000."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:./_]*", re.ASCII)
_BASES = ("bn", "bt", "bu", "bv", "bs", "bver")
_VALUES = ("v", "vs", "vb", "vd")
_KNOWN = frozenset((*_BASES, *_VALUES, "n", "u", "t", "ut", "s"))
_KINDS = {"vs": "text", "vb": "a truth value", "vd": "data"}


class Entry(NamedTuple):
    """A resolved record with a number."""

    place: str
    base: str
    """The base name in force, empty when there is none."""
    own: str
    """The record's own part of the name."""
    unit: str
    timestamp: int
    """In ms since the epoch."""
    value: float

    @property
    def name(self) -> str:
        return self.base + self.own


class _Base(NamedTuple):
    """The base values in force."""

    name: str = ""
    time: float = 0.0
    unit: str = ""
    value: float = 0.0

    def updated(self, record: dict[str, object]) -> "_Base":
        """The base values from this record on; Rejected when one is of a wrong type."""
        return _Base(
            _text(record, "bn", self.name),
            _number(record, "bt", self.time),
            _text(record, "bu", self.unit),
            _number(record, "bv", self.value),
        )


def resolve(pack: object, now_ms: int) -> Iterator[Entry | Problem]:
    """The records of a decoded pack; those that are not readings as problems, which cost only themselves.

    Rejected when the pack as a whole is none, or asks for what is not understood here.
    """
    if not isinstance(pack, list):
        raise Rejected("senml", f"a SenML pack is an array of records, not {_kind(pack)}")
    _check_pack(pack)
    base = _Base()
    for number, record in enumerate(pack, 1):
        place = f"record {number}"
        try:
            if not isinstance(record, dict):
                raise Rejected("senml", f"{_kind(record)} where a record is needed")
            base = base.updated(record)
            if any(key not in _BASES for key in record):
                yield _entry(record, base, place, now_ms)
        except Rejected as error:
            yield Problem(place, error)


def _check_pack(pack: list[object]) -> None:
    """Rejected when the pack is of a later version, or has a field that must be understood and is not."""
    for number, record in enumerate(pack, 1):
        if not isinstance(record, dict):
            continue
        version = record.get("bver", VERSION_MAX)
        if isinstance(version, bool) or not isinstance(version, int | float) or version > VERSION_MAX:
            raise Rejected("senml", f"record {number} asks for version {version!r:.20}, up to {VERSION_MAX} is known")
        for key in record:
            if key.endswith("_") and key not in _KNOWN:
                raise Rejected("senml", f"record {number} has the field {key!r:.40}, which has to be understood")


def _entry(record: dict[str, object], base: _Base, place: str, now_ms: int) -> Entry:
    own = _text(record, "n", "")
    name = base.name + own
    if not name:
        raise Rejected("name", "no name: the record has no n, and no base name (bn) came before it")
    if not _NAME.fullmatch(name):
        raise Rejected("name", f"{name!r:.60} is no SenML name: letters, digits and - : . / _ after a letter or digit")
    value = _value(record, base)
    return Entry(place, base.name, own, _text(record, "u", base.unit), _timestamp(record, base, now_ms), value)


def _value(record: dict[str, object], base: _Base) -> float:
    given = [key for key in _VALUES if key in record]
    if len(given) > 1:
        raise Rejected("value", f"{' and '.join(given)} in one record, which has one value")
    if given and given[0] != "v":
        raise Rejected("value", f"the value ({given[0]}) is {_KINDS[given[0]]}, not a number")
    if not given and "s" in record:
        raise Rejected("value", "a sum (s) and no value (v)")
    if not given and "bv" not in record:
        raise Rejected("value", "no value (v)")
    value = base.value + _number(record, "v", 0.0)
    if value - value != 0:
        raise Rejected("value", "the value is not finite")
    return value


def _timestamp(record: dict[str, object], base: _Base, now_ms: int) -> int:
    time = base.time + _number(record, "t", 0.0)
    if not -TIME_S_MAX < time < TIME_S_MAX:
        raise Rejected("timestamp", f"the time {time!r} is beyond any date: seconds are needed")
    since_ms = round(time * 1000)
    return since_ms + now_ms if time < RELATIVE_S_MAX else since_ms


def _text(record: dict[str, object], key: str, default: str) -> str:
    found = record.get(key, default)
    if not isinstance(found, str):
        raise Rejected("senml", f"{key} is {_kind(found)} where text is needed")
    return found


def _number(record: dict[str, object], key: str, default: float) -> float:
    found = record.get(key, default)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise Rejected("senml", f"{key} is {_kind(found)} where a number is needed")
    try:
        return float(found)
    except OverflowError:
        raise Rejected("senml", f"{key} is beyond what a double holds") from None


def _kind(thing: object) -> str:
    names = {dict: "an object", list: "an array", str: "text", bool: "a truth value", type(None): "null"}
    return names.get(type(thing), "a number")
