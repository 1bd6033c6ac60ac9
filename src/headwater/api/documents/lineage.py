"""The JSON documents of searches and of many lineages at once."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from headwater.api.documents.points import Datapoint
from headwater.api.documents.words import ValueState


class LineageQuestion(msgspec.Struct, forbid_unknown_fields=True):
    """Many lineages in one request."""

    ids: list[str]
    structure: Literal["linear", "recursive"] = "linear"
    direction: Literal["backward", "forward"] = "backward"
    detail: bool = False
    values: bool = False
    """Ask the nodes for the value of every data point."""


class LineageAnswer(msgspec.Struct, gc=False):
    """The lineage of one id: its linear points, or one recursive data point."""

    id: str
    found: bool
    points: list[Datapoint]
    missing: str | UnsetType = UNSET
    """Detail: why nothing was found: damaged, dropped, gap, expired or unknown."""


class Found(msgspec.Struct):
    """A page of what a search finds, each value once: where it entered or was made."""

    points: list[Datapoint]
    examined: int
    """How many data points were looked at for this page."""
    unchecked: dict[ValueState, int]
    """How many of them are left out because nobody could tell their value, by reason; only where a value is asked."""
    next: str | UnsetType = UNSET
    """The cursor of the next page; absent on the last one."""
