"""The stores that contracts are tested on."""

from collections.abc import Iterator

import pytest

from tests.store.stores import IMPLEMENTATIONS, Store, new_store


@pytest.fixture(params=IMPLEMENTATIONS)
def kind(request: pytest.FixtureRequest) -> str:
    if request.param == "cassandra":
        request.getfixturevalue("store_keyspace")
    return str(request.param)


@pytest.fixture
def store(kind: str) -> Iterator[Store]:
    with new_store(kind) as store:
        yield store
