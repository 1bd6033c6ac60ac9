"""Scenarios: which faults are put into a topology, where, when and for how long. Pure.

Faults come one after another: each begins when what the one before it broke has recovered, so that every alarm can be
put down to one fault.
"""

import random
import re
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from typing import Annotated, Literal, NamedTuple, get_args

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from headwater.model.errors import Rejected
from headwater.model.health import Part, Subject

Kind = Literal[
    "kill-node", "kill-pipeline", "kill-provenance",
    "pause-node", "pause-pipeline", "pause-provenance",
    "cut-link", "refuse-link", "slow-link", "wrong-next-hop",
    "full-log", "corrupt-log", "skew-clock",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
EXPECTED: dict[Kind, Part | None] = {
    "kill-node": Part.NODE,
    "kill-pipeline": Part.PIPELINE,
    "kill-provenance": Part.PROVENANCE,
    "pause-node": Part.NODE,
    "pause-pipeline": Part.PIPELINE,
    "pause-provenance": Part.PROVENANCE,
    "cut-link": Part.LINK,
    "refuse-link": Part.LINK,
    "slow-link": None,
    "wrong-next-hop": Part.LINK,
    "full-log": Part.LINK,
    "corrupt-log": Part.PIPELINE,
    "skew-clock": None,
}
"""What has to be told of each kind of fault; None: nothing, for nothing has failed."""
LINK_KINDS = ("cut-link", "refuse-link", "slow-link", "wrong-next-hop", "full-log")
"""These concern the link to the next hop, so there must be one."""
RESTARTING = ("corrupt-log", "skew-clock")
"""These start daemons again: an alarm about the node they belong to is no mistake."""
FAULTS_MAX = 10_000
MS_MAX = 10 * 365 * 86_400_000


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fault."""

    kind: Kind
    target: str
    """The name of a node; of a link, the node that it comes from."""
    after_s: Annotated[float, Meta(ge=0, le=3600)] = 1.0
    """How long to wait before it, once everything has recovered."""
    for_s: Annotated[float, Meta(gt=0, le=3600)] = 4.0
    """How long it lasts; then it is healed."""
    until_told: bool = False
    """Heal it a second after it was told, if that is sooner."""
    delay_ms: Annotated[int, Meta(ge=0, le=60_000)] = 200
    """Of a slow link: how much later bytes arrive."""
    bytes_per_s: Annotated[int, Meta(ge=0)] = 100_000
    """Of a slow link: the most bytes a second, each way; 0 is no limit."""
    skew_ms: Annotated[int, Meta(ge=-MS_MAX, le=MS_MAX)] = 3_600_000
    """Of a skewed clock: how far it goes ahead, or behind."""

    @property
    def expected(self) -> Part | None:
        """What has to be told of it."""
        return EXPECTED[self.kind]

    def is_told_by(self, alarm: Subject, node: int) -> bool:
        """Whether an alarm names this fault, whose target has a node id."""
        return alarm.part is self.expected and alarm.node == node

    def excuses(self, alarm: Subject, node: int) -> bool:
        """Whether an alarm is no mistake although it does not name the fault."""
        return self.kind in RESTARTING and alarm.node == node


class Random(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Faults drawn by the seed of the scenario."""

    kinds: Annotated[tuple[Kind, ...], Meta(min_length=1)] = (
        *("kill-node", "kill-pipeline", "kill-provenance"),
        *("pause-node", "pause-pipeline", "pause-provenance", "cut-link", "refuse-link"),
    )
    count: Annotated[int, Meta(ge=1, le=FAULTS_MAX)] = 20
    """How many faults."""
    pause_s: Annotated[float, Meta(ge=0, le=3600)] = 1.0
    """How long to wait before each, once everything has recovered."""
    for_s: Annotated[float, Meta(gt=0, le=3600)] = 4.0
    """How long each lasts."""
    until_told: bool = False
    """Heal each a second after it was told, if that is sooner."""
    even: bool = False
    """Draw the places only: each kind comes equally often, in turn."""


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is done in one run: the faults as they are written, then those that are drawn."""

    seed: Annotated[int, Meta(ge=0, le=(1 << 63) - 1)] = 1
    fault: Annotated[tuple[Fault, ...], Meta(max_length=FAULTS_MAX)] = ()
    random: Random | None = None


class Place(NamedTuple):
    """A node that faults can be put into."""

    name: str
    node: int
    has_next: bool


BUILT_IN: dict[str, tuple[str, Scenario]] = {
    "failures": (
        "each way in which a node, a link or a daemon can fail, three times, at places drawn by the seed",
        Scenario(random=Random(even=True, count=24, for_s=6, until_told=True)),
    ),
    "random": ("20 failures drawn by the seed", Scenario(random=Random(for_s=6, until_told=True))),
    "all": (
        "every kind of fault twice, with those that are no failure of anything",
        Scenario(random=Random(kinds=KINDS, even=True, count=2 * len(KINDS), for_s=6, until_told=True)),
    ),
}
"""The scenarios that need no file, each with a sentence."""


def read_scenario(values: object) -> Scenario:
    """The scenario that TOML or JSON values say; Rejected("scenario") names what is wrong, and where."""
    try:
        scenario = msgspec.convert(values, Scenario)
    except msgspec.ValidationError as error:
        raise Rejected("scenario", _plain(str(error), values)) from None
    if not scenario.fault and scenario.random is None:
        raise Rejected("scenario", "it has no faults: [[fault]] tables or a table [random] are needed")
    return scenario


def faults_of(scenario: Scenario, places: Sequence[Place]) -> list[Fault]:
    """All faults of a scenario at places of a topology, in their order; Rejected("scenario") when one has no place."""
    by_name = {place.name: place for place in places}
    for number, fault in enumerate(scenario.fault, 1):
        place = by_name.get(fault.target)
        if place is None:
            meant = _meant(fault.target, by_name)
            raise Rejected("scenario", f'[[fault]] {number}: no node is called "{fault.target}"; {meant}')
        if fault.kind in LINK_KINDS and not place.has_next:
            raise Rejected(
                "scenario", f"[[fault]] {number}: {fault.kind} needs a link, and {fault.target} has no next hop"
            )
    return [*scenario.fault, *_drawn(scenario, places)]


def seeded(scenario: Scenario, seed: int | None) -> Scenario:
    """The scenario with another seed, when one is given."""
    return scenario if seed is None else replace(scenario, seed=seed)


def _drawn(scenario: Scenario, places: Sequence[Place]) -> list[Fault]:
    if scenario.random is None:
        return []
    wanted = scenario.random
    draw = random.Random(scenario.seed)
    if any(kind in LINK_KINDS for kind in wanted.kinds) and not any(place.has_next for place in places):
        raise Rejected("scenario", "[random]: kinds of links are among them, and no node has a next hop")
    drawn = []
    for number in range(wanted.count):
        kind = wanted.kinds[number % len(wanted.kinds)] if wanted.even else draw.choice(wanted.kinds)
        place = draw.choice([place for place in places if place.has_next or kind not in LINK_KINDS])
        drawn.append(
            Fault(
                kind=kind,
                target=place.name,
                after_s=wanted.pause_s,
                for_s=wanted.for_s,
                until_told=wanted.until_told,
            )
        )
    return drawn


_AT = re.compile(r"(?s)(?P<what>.*?)(?: - at `\$(?P<path>[^`]*)`)?")


def _plain(fault: str, values: object) -> str:
    match = _AT.fullmatch(fault)
    what, path = (match["what"], match["path"] or "") if match else (fault, "")
    where = re.sub(r"\.fault\[(\d+)\]\.?", lambda found: f"[[fault]] {int(found[1]) + 1}, ", path)
    where = re.sub(r"\.random\.?", "[random], ", where).strip("., ")
    if unknown := re.fullmatch(r"Object contains unknown field `([^`]*)`", what):
        fields = Fault if "fault" in path else Random if "random" in path else Scenario
        what = f'unknown key "{unknown[1]}"; {_meant(unknown[1], fields.__struct_fields__)}'
    elif wrong := re.fullmatch(r"Invalid enum value '([^']*)'", what):
        what = f'no kind of fault is called "{wrong[1]}"; {_meant(wrong[1], KINDS)}'
    what = what.replace("Object missing required field", "missing").replace("`", '"')
    return f"{where}: {what}" if where else what


def _meant(word: str, words: Collection[str]) -> str:
    close = get_close_matches(word, list(words), n=1)
    return f'did you mean "{close[0]}"?' if close else f"there are {', '.join(sorted(words))}"
