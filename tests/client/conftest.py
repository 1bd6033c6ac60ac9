"""The API over the grid of `tests.api.grid`."""

from tests.api.conftest import api, store

__all__ = ["api", "store"]
