"""Asking the API how the grid stands."""

import asyncio

from headwater.client import AsyncClient
from headwater.ui.grid.state import GridState, grid_state
from headwater.ui.live import Look


def grid_look(client: AsyncClient) -> Look:
    """How the grid is asked for: health, rates and totals at once."""

    async def look() -> GridState:
        health, stats, totals = await asyncio.gather(client.health(), client.stats(detail=True), client.totals())
        return grid_state(health, stats, totals)

    return look
