"""Whether a network of its own is possible here; tests that need one are skipped where it is not."""

import pytest

from benchmarks.grid.network import problem


def need_network() -> None:
    if why := problem():
        pytest.skip(f"machine cannot: {why}")
