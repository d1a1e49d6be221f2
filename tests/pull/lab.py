"""A pull mode on loopback: real server, real HTTP, real passes; systemd is a fake, and the
server's clock moves when the test says so."""

from pathlib import Path

from services.agent.client import NodeClient
from services.agent.local_state import LocalState
from services.agent.memory import Memory
from services.agent.narrator import Narrator
from services.agent.plane import Plane
from services.agent.tick import tick
from services.deciders import node_controller, scheduler
from services.pull.api import make_admin_app
from services.pull.node_api import make_node_app
from services.pull.tokens import Tokens
from tests.fakes import FakeSystemd
from tests.pull.clock import Clock
from tests.pull.passes import plain_pass
from tests.serving import Client, serving, token_of, write_tokens
from tests.states import open_state

LEASE_S = 3.0


class Node:
    """One machine: its containers, its disk, its journal."""

    def __init__(self, name, directory):
        directory.mkdir()
        self._token = directory / "token"
        self._token.write_text(token_of(name))
        self.name = name
        self.directory = str(directory)
        self.systemd = FakeSystemd()
        self.said: list[str] = []

    def tick(self, address):
        """One pass of the agent; return what it said."""
        before = len(self.said)
        client = NodeClient(self.name, address, timeout_s=5, token_path=str(self._token))
        local = LocalState(Memory(self.directory, self.directory, "", self.said.append))
        narrator = Narrator(
            f"{self.directory}/said.json", lambda text: self.said.extend(text.split("\n"))
        )
        tick(Plane(client, local, self.said.append), self.systemd, narrator)
        self.systemd.settle()
        return self.said[before:]

    def runs(self):
        return sorted(self.systemd.observed())

    def reboot(self):
        """What runs ends, and so does all that is in memory."""
        self.systemd.reboot()
        for name in ("assigned.json", "assigned.json.previous", "lease"):
            (Path(self.directory) / name).unlink(missing_ok=True)


class Lab:
    """An API machine and three nodes."""

    def __init__(self, directory):
        self._directory = directory
        self.clock = Clock()
        self.nodes = {name: Node(name, directory / name) for name in ("node1", "node2", "node3")}
        self._serving = None
        self._ports = {}

    def boot_api(self, data="api"):
        (self._directory / data).mkdir(exist_ok=True)
        store = open_state(self._directory / data, lease_s=LEASE_S, now_s=self.clock)
        tokens = Tokens(write_tokens(self._directory / "tokens.json", *self.nodes))
        self._serving = serving(make_admin_app(store), make_node_app(store, tokens))
        self.admin, self.node = self._serving.__enter__()

    def stop_api(self):
        if self._serving:
            self._serving.__exit__(None, None, None)
        self._serving = None

    def call(self, method, path, **kwargs):
        client = Client(self.admin)
        try:
            return client(method, path, **kwargs).json()
        finally:
            client.close()

    def declare(self, *names):
        for name in names:
            self.call("POST", "/api/containers", json={"name": name})

    def second(self, *silent):
        """A second passes: agents of all nodes but `silent`, controller, scheduler."""
        self.clock.now_s += 1
        for name, node in self.nodes.items():
            if name not in silent:
                node.tick(self.node)
        if self._serving:
            plain_pass(node_controller, self.admin)
            plain_pass(scheduler, self.admin)

    def running(self):
        """What the API says runs, where it was put."""
        items = self.call("GET", "/api/containers")["containers"]
        return {item["name"]: item["node"] for item in items if item["running"]}

    def runs(self):
        return {name: node.runs() for name, node in self.nodes.items()}
