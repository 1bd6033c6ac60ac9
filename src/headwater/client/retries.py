"""When to ask again: a pure schedule of waits."""

import msgspec


class Retries(msgspec.Struct, frozen=True):
    """How often a question is asked again when no server answers, and how long to wait before."""

    times: int = 3
    """0 asks once."""
    first_s: float = 0.1
    most_s: float = 5.0

    def wait_s(self, time: int, random: float, hint_s: float | None = None) -> float:
        """The seconds before the repetition of number `time` (0 the first): doubled each time, spread over the upper
        half by a random number within 0..1, and not below what the server has asked for, all up to `most_s`."""
        doubled = self.first_s * 2.0 ** min(time, 30)
        return min(max(doubled * (0.5 + random / 2), hint_s or 0.0), self.most_s)
