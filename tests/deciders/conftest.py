"""The state server's store, with a clock that only tests move."""

import pytest

from tests.pull.clock import Clock as StoreClock
from tests.states import open_state


@pytest.fixture
def clock():
    return StoreClock()


@pytest.fixture
def store(tmp_path, clock):
    return open_state(tmp_path, lease_s=3.0, now_s=clock)
