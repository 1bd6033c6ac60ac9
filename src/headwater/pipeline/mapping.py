"""How the objects of a payload become readings: where meter, metric, timestamp and value are in them."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Literal, NamedTuple, TypeVar

import msgspec

from headwater.model.errors import Rejected

RECEIVED = "received"
"""As a timestamp: when the reading arrived."""
VALUES_MAX = 256
"""The most metrics that one object maps to by name."""
MS_MIN, MS_MAX = -62_135_596_800_000, 253_402_300_799_999
"""The years 1 to 9999, which is what can be shown: a timestamp beyond is in another unit than said."""

_MS_PER = {"ms": 1.0, "s": 1000.0, "us": 0.001, "ns": 0.000_001}
_STEP = re.compile(r"""\.([\w-]+)|\[(\d{1,6})\]|\['([^']+)'\]""")
_CAPTURE = re.compile(r"\{([A-Za-z_]\w*)\}")
_DECIMAL = re.compile(r"\s*[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?\s*", re.ASCII)

Path = tuple[str | int, ...]
Number = TypeVar("Number", int, float)


class MappingOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where things are: a text that begins with `$` is a path (`$.device.id`, `$.list[0]`, `$['a b']`); any other is
    the thing itself, in which `{name}` stands for what the topic, or the query of the URL, holds under that name."""

    records: str = "$"
    """A path to one object or an array of them."""
    meter: str | None = None
    """Absent: `{meter}` where that is captured, else `$.meter`."""
    metric: str | None = None
    """Absent: `{metric}` where that is captured, else `$.metric`."""
    timestamp: str = "$.timestamp"
    """A path, or `received` for the time of arrival."""
    time: Literal["ms", "s", "us", "ns"] = "ms"
    """The unit of timestamps that are numbers, since the epoch; text is ISO 8601, in UTC where it names no zone."""
    value: str = "$.value"
    values: str | dict[str, str] = "$.values"
    """Several metrics in an object: a path to an object of metric and value, or a path for each metric. Where it
    leads to nothing, `metric` and `value` count."""

    def __post_init__(self) -> None:
        for name in ("records", "value"):
            parse_path(getattr(self, name), name)
        if self.timestamp != RECEIVED:
            parse_path(self.timestamp, "timestamp")
        for path in [self.values] if isinstance(self.values, str) else self.values.values():
            parse_path(path, "values")
        if not self.values or len(self.values) > VALUES_MAX:
            raise ValueError(f"values names 1 to {VALUES_MAX} metrics")
        for selector in (self.meter, self.metric):
            if selector is not None:
                parse_selector(selector)

    @property
    def names(self) -> frozenset[str]:
        """The captures that this needs."""
        texts = [text for text in (self.meter, self.metric) if text and not text.startswith("$")]
        return frozenset(name for text in texts for name in _CAPTURE.findall(text))


class Template(NamedTuple):
    """A text in which names stand for what was captured."""

    text: str

    def fill(self, captures: Mapping[str, str]) -> str:
        """The text with every name filled in; Rejected when one was not captured."""
        try:
            return _CAPTURE.sub(lambda name: captures[name[1]], self.text)
        except KeyError as name:
            raise Rejected("mapping", f"nothing was given for {{{name.args[0]}}} of {self.text!r}") from None


Selector = Path | Template


def parse_path(text: str, called: str = "path") -> Path:
    """The steps of a path; ValueError when it is none."""
    steps: list[str | int] = []
    at = 1
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None:
            break
        steps.append(int(step[2]) if step[2] else step[1] or step[3])
        at = step.end()
    if not text.startswith("$") or at < len(text):
        raise ValueError(f"{called} = {text!r:.60} is no path: $ and steps such as .name, [0] or ['a b'] are needed")
    return tuple(steps)


def parse_selector(text: str) -> Selector:
    """A path when the text begins with `$`, else a template; ValueError when it is neither."""
    if text.startswith("$"):
        return parse_path(text)
    if not text or "{" in _CAPTURE.sub("", text) or "}" in _CAPTURE.sub("", text):
        raise ValueError(f"{text!r:.60} is no template: names in braces such as {{meter}}, and text, are needed")
    return Template(text)


def follow(path: Path, thing: object) -> object:
    """What is at the end of a path, None when there is nothing."""
    for step in path:
        if isinstance(thing, dict):
            thing = thing.get(step)
        elif isinstance(thing, list) and isinstance(step, int) and step < len(thing):
            thing = thing[step]
        else:
            return None
    return thing


def found_by(given: str | None, what: str, captures: Mapping[str, str]) -> Path | str:
    """Where a name is: as configured, else as captured, else in the record under `what`; Rejected like `fill`."""
    if given is None:
        return captures.get(what) or (what,)
    selector = parse_selector(given)
    return selector.fill(captures) if isinstance(selector, Template) else selector


def text_of(where: Path | str, record: object, what: str) -> str:
    """A name: a text as it is, what is in a record at a path; Rejected when that is no name."""
    if isinstance(where, str):
        return where
    found = follow(where, record)
    if isinstance(found, str):
        return found
    if isinstance(found, int) and not isinstance(found, bool):
        return f"{found:d}" if found.bit_length() <= 64 else _no_name(found, where, what)
    if found is None:
        raise Rejected(what, f"no {what}: nothing is at {path_text(where)}")
    return _no_name(found, where, what)


def _no_name(found: object, where: Path, what: str) -> str:
    raise Rejected(what, f"the {what} at {path_text(where)} is {kind_of(found)}: text or a whole number is needed")


def number_of(found: object) -> float:
    """A finite value, from a number or a text that is one; Rejected("value") otherwise."""
    if isinstance(found, str) and _DECIMAL.fullmatch(found):
        found = float(found)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise Rejected("value", f"{_shown(found)} is not a number")
    try:
        value = float(found)
    except OverflowError:
        value = float("inf")
    if value - value != 0:
        raise Rejected("value", f"{_shown(found)} is not finite")
    return value


def timestamp_of(found: object, unit: str) -> int:
    """Milliseconds since the epoch; Rejected("timestamp") when it is no time, or one beyond the years 1 to 9999."""
    if isinstance(found, str) and not _DECIMAL.fullmatch(found):
        return _in_range(_iso(found), found)
    if unit == "ms" and isinstance(found, int) and not isinstance(found, bool):
        return _in_range(found, found)
    try:
        since = number_of(found)
    except Rejected:
        raise Rejected("timestamp", f"{_shown(found)} is no time in {unit} since 1970, nor ISO 8601") from None
    return round(_in_range(since * _MS_PER[unit], found))


def _iso(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text.strip())
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)
    except (ValueError, OverflowError):
        raise Rejected("timestamp", f"{_shown(text)} is neither a number nor a time of ISO 8601") from None


def _in_range(ms: Number, found: object) -> Number:
    if not MS_MIN <= ms <= MS_MAX:
        raise Rejected("timestamp", f"{_shown(found)} is beyond the year 9999: is it in another unit?")
    return ms


def named_values(values: object) -> Iterator[tuple[str, object]]:
    """The metrics of an object, those without a value left out; Rejected when it is no object or has none."""
    if not isinstance(values, dict):
        raise Rejected("values", f"{kind_of(values)} where an object of metric and value is needed")
    if not values:
        raise Rejected("values", "no value: the object is empty")
    return ((str(metric), value) for metric, value in values.items() if value is not None)


def path_text(path: Path) -> str:
    """A path as it is written."""
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)


def kind_of(thing: object) -> str:
    names = {dict: "an object", list: "an array", str: "text", bool: "a truth value", type(None): "nothing"}
    return names.get(type(thing), "a number")


def _shown(found: object) -> str:
    if isinstance(found, int) and found.bit_length() > 128:
        return "an endless number"
    return f"{found!r:.40}" if isinstance(found, str | int | float) else kind_of(found)
