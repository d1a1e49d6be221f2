import re
from collections.abc import Iterator

import pytest

from services.pull.api import make_admin_app
from services.pull.meters import PullMetrics
from services.pull.node_api import make_node_app
from services.pull.tokens import Tokens
from services.state import State
from tests.pull.clock import Clock
from tests.pull.lab import Lab
from tests.serving import Client, StateServer, serving, token_of, write_tokens
from tests.states import open_state

NODES = ("node1", "node2", "node3")


class Agents:
    """Calls the node realm, each time with the token of the node that the path names."""

    def __init__(self, address) -> None:
        self._client = Client(address)

    def __call__(self, method, path, **kwargs):
        named = re.search(r"(?:/nodes/|node=)([^/?&]+)", path)
        token = token_of(named[1] if named and named[1] in NODES else "node1")
        headers = {"Authorization": f"Bearer {token}", **kwargs.pop("headers", {})}
        return self._client(method, path, headers=headers, **kwargs)

    def close(self) -> None:
        self._client.close()


class Realms:
    """Both realms of a state server on loopback."""

    # Where it runs in the test's process.
    clock: Clock
    store: State
    meters: PullMetrics

    def __init__(self, admin, node) -> None:
        self.address = admin
        self.node_address = node
        self.admin = Client(admin)
        self.node = Agents(node)

    def placed(self) -> dict[str, str | None]:
        items = self.admin("GET", "/api/containers").json()["containers"]
        return {item["name"]: item["node"] for item in items}

    def close(self) -> None:
        self.admin.close()
        self.node.close()


@pytest.fixture
def realms(tmp_path) -> Iterator[Realms]:
    """Over a store whose clock the test moves; each handler has a thread."""
    clock = Clock()
    store = open_state(tmp_path, lease_s=3.0, now_s=clock)
    meters = PullMetrics(store)
    tokens = Tokens(write_tokens(tmp_path / "tokens.json", *NODES))
    apps = make_admin_app(store, meters=meters), make_node_app(store, tokens, meters=meters)
    with serving(*apps) as (admin, node):
        made = Realms(admin, node)
        made.clock, made.store, made.meters = clock, store, meters
        yield made
        store.release()
        made.close()


@pytest.fixture
def start(tmp_path):
    """start() -> a StateServer over this test's data; all are gone afterwards."""
    servers = []

    def start(**kwargs):
        servers.append(StateServer(tmp_path / "data", **kwargs))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> Iterator[Realms]:
    """The real server, one for all tests of a file."""
    # A lease that no test lasts for.
    server = StateServer(tmp_path_factory.mktemp("real") / "data", profile="seed")
    made = Realms(server.admin, server.node)
    yield made
    made.close()
    server.kill()


@pytest.fixture
def lab(tmp_path):
    """An API machine and three nodes that it knows."""
    made = Lab(tmp_path)
    made.boot_api()
    made.second()
    yield made
    made.stop_api()


@pytest.fixture
def busy(lab):
    """Three containers, one a node, all running."""
    lab.declare("a", "b", "c")
    for _ in range(3):
        lab.second()
    assert lab.runs() == {"node1": ["a"], "node2": ["b"], "node3": ["c"]}
    return lab
