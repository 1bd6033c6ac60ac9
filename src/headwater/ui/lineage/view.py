"""What a reader of the lineage page has chosen to see, as its address says it. Pure."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from headwater.ui.lineage.keys import Key, parse_key

OPENED_MAX = 60
_ID = re.compile(r"[0-9a-f]{20}", re.ASCII)
DEPTH, DEPTH_MORE, DEPTH_MAX = 8, 8, 200


class View(NamedTuple):
    """A lineage with some of it opened."""

    id: str
    forward: bool = False
    """Also what the data point went into."""
    depth: int = DEPTH
    """Hops in each direction."""
    opened: tuple[str, ...] = ()
    """Keys of cards, in the order in which they were opened."""

    @property
    def keys(self) -> list[Key]:
        """What is opened, without what is no key."""
        return [key for text in self.opened if (key := parse_key(text)) is not None]


def is_id(text: str) -> bool:
    """Whether a text may be the id of a data point."""
    return _ID.fullmatch(text) is not None


def view_of(id: str, query: Mapping[str, str]) -> View:
    """The view that an address means; what is wrong in it is passed over, for it may be of another version."""
    depth = query.get("depth", "")
    opened = dict.fromkeys(text for text in query.get("open", "").split(",") if parse_key(text) is not None)
    return View(
        id=id.strip().lower(),
        forward=query.get("forward") == "1",
        depth=min(max(int(depth), 1), DEPTH_MAX) if re.fullmatch(r"[0-9]{1,4}", depth, re.ASCII) else DEPTH,
        opened=tuple(opened)[:OPENED_MAX],
    )
