"""Everything Headwater raises on purpose, split by what the caller should do.

HeadwaterError
├── ConfigError    change the configuration; names the key and its place
├── NotFound       ask for something else
├── Rejected       sending the same thing again will not help; carries a reason that is counted
└── Unavailable    sending it again later may help
"""

from typing import NamedTuple


class HeadwaterError(Exception):
    """The root: its message is one sentence for the person who reads it."""


class ConfigError(HeadwaterError):
    """A configuration that cannot be used; the message names the key, its place and what would be right."""


class NotFound(HeadwaterError):
    """What was asked for does not exist here."""


class Rejected(HeadwaterError):
    """Input that is wrong in itself. `reason` is a short word to count by, `detail` says what and where."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Problem(NamedTuple):
    """One refused item of a whole of which the rest is taken."""

    place: str
    """Where in the whole: a line, a record."""
    error: Rejected


class Unavailable(HeadwaterError):
    """Something needed does not answer now; `retry_after_s` is a hint when one is known."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
