import pytest

from services.store import Store

LEASE_S = 3.0


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path, clock):
    return Store(tmp_path, lease_s=LEASE_S, now_s=clock)


def reopen(tmp_path, clock):
    return Store(tmp_path, lease_s=LEASE_S, now_s=clock)


def where(store):
    return {item.name: item.node for item in store.listing().placed}
