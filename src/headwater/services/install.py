"""Getting what servers need on this machine, packages first; run as a module it gets everything."""

import sys
from collections.abc import Iterable, Mapping

from headwater.model.errors import HeadwaterError
from headwater.services import debian
from headwater.services.catalogue import SERVERS
from headwater.services.needs import Need, NotHere, Program, Say

BROWSER = Program("chromium-headless-shell", "chromium-headless-shell", "chromium")
"""No server, but tests of the dashboard want it. Without windows it takes half of the processor time."""


def everything() -> dict[str, tuple[Need, ...]]:
    """What can be installed by name, and what each needs."""
    return {**{server.NAME: server.NEEDS for server in SERVERS}, "chromium": (BROWSER,)}


def install(wanted: Mapping[str, Iterable[Need]], say: Say) -> dict[str, str]:
    """Get what each of these names needs; give the names that cannot be had, each with its reason."""
    lacking = [need for needs in wanted.values() for need in needs if need.missing()]
    refused = debian.install((package for need in lacking for package in need.packages()), say)
    reasons = {name: _install_one(needs, refused, say) for name, needs in wanted.items()}
    return {name: reason for name, reason in reasons.items() if reason}


def _install_one(needs: Iterable[Need], refused: str, say: Say) -> str:
    """Why the needs of one server cannot be met; empty when they are."""
    for need in needs:
        if what := need.missing():
            try:
                need.install(say)
            except (NotHere, OSError) as error:
                return f"{error}; {refused}" if refused and need.packages() else str(error)
            if need.missing():
                return f"{what} is not here; {refused or 'its package did not bring it'}"
    return ""


def main() -> int:
    """Install everything; what cannot be had is said, and is no failure."""
    try:
        for name, reason in install(everything(), lambda line: print(f"services: {line}", flush=True)).items():
            print(f"services: no {name}: {reason}")
    except HeadwaterError as error:
        print(f"services: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
