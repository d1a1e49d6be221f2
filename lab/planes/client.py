"""The two APIs, as a user's curl sees them, and what they say as values."""

import time
from collections.abc import Callable
from typing import NamedTuple

from lab.planes.api import READ_S, WAIT_S, Api
from provisioning.topology import Topology, host_ports
from services.core import wire, wire_nodes
from services.core.errors import ApiRefused
from services.core.fields import as_object, labels
from services.core.model import KEEP, Node, Placed

# Push answers an order when it is carried out: a container's unit may take 60 s to serve, and a
# start of the same name that is under way is waited for.
ORDER_S = 70.0
# Between two looks at a server that cannot be asked to wait.
_UNTAGGED_S = 0.2


class Running(NamedTuple):
    """Push's list: (container, node) as the nodes said just now, and who did not answer."""

    containers: tuple[Placed, ...]
    unreachable: tuple[str, ...]


class Declared(NamedTuple):
    """Pull's list: what is wanted and where it was put. running: what nodes report as ready."""

    containers: tuple[Placed, ...]
    running: frozenset[str]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(placed.name for placed in self.containers)


class Load(NamedTuple):
    """One node. placed: containers that it should run; running: those that it said it runs."""

    node: Node
    placed: tuple[str, ...]
    running: tuple[str, ...]


class PushClient(Api):
    """The imperative API."""

    def start(self, name: str, node: str | None = None) -> None:
        """Run container `name` on `node` (None: the next one in turn), unless it runs already."""
        body = {"name": name} if node is None else {"name": name, "node": node}
        self.request("POST", "/container/start", body, read_s=ORDER_S)

    def stop(self, name: str) -> None:
        """Stop container `name`; one that runs nowhere is fine."""
        try:
            self.request("POST", "/container/stop", {"name": name}, read_s=ORDER_S)
        except ApiRefused as error:
            if error.status != 404:
                raise

    def running(self) -> Running:
        body = self.request("GET", "/containers")
        silent = labels(as_object(body), "unreachable", "node")
        return Running(wire.load_placed(body), tuple(silent))


class PullClient(Api):
    """The declarative API."""

    def declare(self, name: str, node: str | None = None, on_disconnect: str = KEEP) -> None:
        """Want container `name`; one that is wanted already stays as it is.

        node: where it starts; None: wherever the scheduler likes.
        """
        wanted = {"name": name, "on_disconnect": on_disconnect}
        self.request(
            "POST", "/api/containers", wanted if node is None else {**wanted, "node": node}
        )

    def delete(self, name: str) -> None:
        """Want container `name` no longer; one that was never wanted is fine."""
        try:
            self.request("DELETE", f"/api/containers/{name}")
        except ApiRefused as error:
            if error.status != 404:
                raise

    def declared(self) -> Declared:
        return _declared(self.request("GET", "/api/containers"))

    def await_declared(self, done: Callable[[Declared], bool], *, timeout_s: float) -> bool:
        """Return True as soon as the list is `done`, False if it is not after `timeout_s`.

        Asks again whenever something changed, and not in between: between two lists that change
        quickly it sees the later one.
        """
        deadline_s = time.monotonic() + timeout_s
        tag = ""
        while True:
            left_s = max(0.0, deadline_s - time.monotonic())
            seen = self.watch("/api/containers", tag, wait_s=min(WAIT_S, round(left_s, 3)))
            if seen is not None:
                if done(_declared(seen.content)):
                    return True
                tag = seen.tag
            if not tag:
                time.sleep(_UNTAGGED_S)
            if time.monotonic() >= deadline_s:
                return False

    def nodes(self) -> wire_nodes.NodeList:
        return wire_nodes.load_nodes(self.request("GET", "/api/nodes"))

    def node(self, name: str) -> Load:
        """Return node `name` and what it has; raises ApiRefused (404) for one that never spoke."""
        body = as_object(self.request("GET", f"/api/nodes/{name}"))
        lists = (sorted(labels(body, key, "container")) for key in ("containers", "running"))
        return Load(wire_nodes.load_node_status(body), *map(tuple, lists))

    def mark(
        self, node: str, *, cordoned: bool | None = None, draining: bool | None = None
    ) -> None:
        """Keep new containers off `node`, move what it has elsewhere, or take either back."""
        marks = wire_nodes.Marks(cordoned, draining)
        self.request("PATCH", f"/api/nodes/{node}", wire_nodes.dump_marks(marks))

    def forget(self, node: str) -> None:
        """Say that `node` is dead: what it had may run elsewhere."""
        self.request("DELETE", f"/api/nodes/{node}")

    def events(self, since: int, *, wait_s: float = 0.0) -> wire_nodes.EventPage:
        """Return what happened after revision `since`; waits up to `wait_s` for something."""
        path = f"/api/events?since={since}&wait={wait_s:g}"
        return wire_nodes.load_events(self.request("GET", path, read_s=READ_S + wait_s))


class Clients(NamedTuple):
    """Both APIs, and what a user does in either to get a container."""

    push: PushClient
    pull: PullClient

    def declare(self, mode: str, name: str, on_disconnect: str = KEEP) -> None:
        """Start container `name` in push, or want it in pull. on_disconnect: of pull alone."""
        if mode == "push":
            self.push.start(name)
        else:
            self.pull.declare(name, on_disconnect=on_disconnect)

    def withdraw(self, mode: str, name: str) -> None:
        """The opposite of declare; idempotent."""
        if mode == "push":
            self.push.stop(name)
        else:
            self.pull.delete(name)


def connect(topology: Topology) -> Clients:
    """Return clients for the lab's two APIs; nothing is sent yet."""
    ports = host_ports(topology)
    return Clients(PushClient(ports["push"]), PullClient(ports["pull"]))


def _declared(body: object) -> Declared:
    return Declared(wire.load_placed(body), wire.load_running(body))
