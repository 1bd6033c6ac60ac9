"""What can be tried from the page: the scenarios of `headwater chaos list`, and the kinds of single faults."""

from typing import Any

SCENARIOS: dict[str, dict[str, Any]] = {
    "failures": {"random": {"even": True, "count": 24, "for_s": 6, "until_told": True}},
    "random": {"random": {"for_s": 6, "until_told": True}},
    "all": {
        "random": {
            "kinds": [
                "kill-node", "kill-pipeline", "kill-provenance",
                "pause-node", "pause-pipeline", "pause-provenance",
                "cut-link", "refuse-link", "slow-link", "wrong-next-hop",
                "full-log", "corrupt-log", "skew-clock",
            ],
            "even": True, "count": 26, "for_s": 6, "until_told": True,
        }
    },
}  # fmt: skip
OF_LINKS = ("cut-link", "refuse-link", "slow-link", "wrong-next-hop", "full-log")
"""Kinds of faults that need a next hop."""
UNTOLD = ("slow-link", "skew-clock")
"""Kinds of faults that nothing has to be told of."""
