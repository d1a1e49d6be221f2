"""The state server's store, with a clock that only tests move."""

import pytest

from services.store import Store
from tests.pull.clock import Clock as StoreClock


@pytest.fixture
def clock():
    return StoreClock()


@pytest.fixture
def store(tmp_path, clock):
    return Store(tmp_path, lease_s=3.0, now_s=clock)
