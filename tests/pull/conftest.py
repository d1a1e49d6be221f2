from collections.abc import Iterator

import pytest

from services.pull.api import make_admin_app, make_node_app
from services.store import Store
from tests.serving import Client, serving


class Clock:
    """A monotonic clock that the test moves."""

    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Realms:
    """A store behind both of its realms, each on a real server on loopback."""

    def __init__(self, store, clock, admin, node) -> None:
        self.store = store
        self.clock = clock
        self.address = admin
        self.admin = Client(admin)
        self.node = Client(node)

    def placed(self) -> dict[str, str | None]:
        items = self.admin("GET", "/api/containers").json()["containers"]
        return {item["name"]: item["node"] for item in items}


@pytest.fixture
def realms(tmp_path) -> Iterator[Realms]:
    clock = Clock()
    store = Store(tmp_path, lease_s=3.0, now_s=clock)
    with serving(make_admin_app(store), make_node_app(store)) as (admin, node):
        made = Realms(store, clock, admin, node)
        yield made
        made.admin.close()
        made.node.close()
