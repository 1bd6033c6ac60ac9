"""An observer of health with a clock of its own: asks the API all the time, and tells what has changed."""

import argparse
import http.client
import json
import os
import time
from typing import Any

from benchmarks.grid import told
from headwater.cli import lifeline
from headwater.config.address import parse_address

EVERY_S = 0.03
RECOVERING = "recovering: "
TIMEOUT_S = 5.0


def seen(answer: dict[str, Any], nodes: int, links: int) -> dict[str, object]:
    """What matters of an answer: the alarms, and whether everything there should be is there and well.

    Well is Green, and Yellow only because it has not been Green for long: damping, up to 30 s of it.
    """
    verdicts = [node[part] for node in answer["nodes"] for part in ("node", "pipeline", "provenance")]
    verdicts += [link["link"] for link in answer["links"]]
    alarms = [
        {
            "part": alarm["subject"]["part"],
            "node": alarm["subject"].get("node", ""),
            "target": alarm["subject"].get("target", ""),
            "evidence": alarm["evidence"],
        }
        for alarm in answer["alarms"]
    ]
    is_complete = len(answer["nodes"]) == nodes and len(answer["links"]) == links
    return {"alarms": alarms, "is_well": is_complete and all(map(_is_well, verdicts))}


def _is_well(verdict: dict[str, Any]) -> bool:
    return bool(verdict["health"] == "Green" or verdict["evidence"].startswith(RECOVERING))


def observe(host: str, port: int, nodes: int, links: int) -> None:
    """Ask until killed, on one connection as long as it holds."""
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    before: object = None
    asked, longest_s, last_s = 0, 0.0, float("inf")
    while True:
        try:
            connection.request("GET", "/v1/cluster/health")
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            time.sleep(EVERY_S)
            continue
        now_ns = time.monotonic_ns()
        asked, longest_s, last_s = asked + 1, max(longest_s, now_ns / 1e9 - last_s), now_ns / 1e9
        if response.status == http.client.OK:
            found = seen(json.loads(body), nodes, links)
            if found != before:
                before = found
                told.tell(at_ns=now_ns, asked=asked, longest_s=longest_s, **found)
        time.sleep(EVERY_S)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--api", required=True)
    parser.add_argument("--nodes", type=int, required=True)
    parser.add_argument("--links", type=int, required=True)
    given = parser.parse_args()
    lifeline.hold(os.environ)
    address = parse_address(given.api)
    observe(address.host, address.port, given.nodes, given.links)


if __name__ == "__main__":
    main()
