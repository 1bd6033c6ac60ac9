"""What the 2018 system says when it has no answer: its texts, and where it says them."""

from headwater.model.errors import NotFound

NO_CLUSTER = "No Cluster found."
NO_STATS = "No stats found."
NO_PROVENANCE = "No provenance is available."
INVALID_SIZE = "Invalid size (Size should be a number <= 1000)."
INVALID_NODE = "Invalid node id."
INVALID_STRUCTURE = "Invalid structure (Supported structures are linear and recursive.)."
SIZE_MAX = 1000
NODE_CHARACTERS = 6


class Absent(Exception):
    """404: the text as it is."""


class Expired(NotFound):
    """404 with detail: what was asked for was there, and was deleted."""


class Invalid(Exception):
    """400: the text as one JSON string."""


def is_2018(path: str) -> bool:
    """Whether a path was answered by the 2018 system, so that its failures are one quoted string too."""
    ours = path.endswith("/forward") or path == "/v1/cluster/events" or path.startswith("/v1/cluster/health")
    return path.startswith(("/v1/cluster/", "/v1/provenance/")) and not ours


def parse_size(text: str | None) -> int:
    """The integer within 0..1000 that a query names; raises Invalid."""
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) > SIZE_MAX:
        raise Invalid(INVALID_SIZE)
    return int(text)


def parse_structure(text: str | None) -> bool:
    """Whether the recursive structure is asked for; raises Invalid."""
    word = (text or "").lower()
    if word not in ("linear", "recursive"):
        raise Invalid(INVALID_STRUCTURE)
    return word == "recursive"
