"""Asking the API how the grid stands."""

import asyncio

from headwater.ui.grid.state import GridState, grid_state, places_of
from headwater.ui.live import Look
from headwater.ui.recent import Looks


def grid_look(looks: Looks) -> Look:
    """How the grid is asked for: health, rates, totals and where nodes are, at once."""

    async def look() -> GridState:
        health, stats, totals, nodes = await asyncio.gather(
            looks.health(), looks.stats(), looks.client.totals(), looks.topology()
        )
        return grid_state(health, stats, totals, places_of(nodes))

    return look
