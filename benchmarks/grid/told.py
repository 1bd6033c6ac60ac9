"""How the measured processes talk with the one that measures: a JSON object a line."""

import json
import sys


def tell(**what: object) -> None:
    """Say something to the measuring process."""
    print(json.dumps(what), flush=True)


def wait_for_go() -> None:
    """Wait until the measuring process says go; SystemExit when it is gone."""
    if not sys.stdin.readline():
        sys.exit(1)
