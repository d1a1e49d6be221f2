"""Nodes in memory, with the awkward rules of the real ones."""

import threading
from collections.abc import Sequence

from services.core.errors import CommandFailed, LabError, NodeUnreachable
from services.core.model import Container
from services.push.commands import NodeListing
from services.push.errors import NodeBusy
from services.push.push import Sight


class FakeRunner:
    """Starting what is active, or stopping what is not, changes nothing and succeeds.

    A node of `silent` answers nothing, one of `busy` has no turn for orders. A container of
    `failing` never comes up; one of `slow` is given up before it serves: it is listed as
    starting, and comes up with `come_up`, or when it is started while it is not slow any more.
    While `gate` is clear, starts hang as on a node that is slow, until it is set; while `looking`
    is clear, so do looks.
    """

    def __init__(self, *names: str) -> None:
        self.names = names
        self.active: dict[str, dict[str, str]] = {name: {} for name in names}
        self.silent: set[str] = set()
        self.busy: set[str] = set()
        self.failing: set[str] = set()
        self.slow: set[str] = set()
        self.starting: dict[str, dict[str, str]] = {name: {} for name in names}
        self.gate = threading.Event()
        self.gate.set()
        self.looking = threading.Event()
        self.looking.set()
        self.looks: list[Sequence[str]] = []
        # (verb, node, container): every order that reached a node, even a silent one.
        self.orders: list[tuple[str, str, str]] = []

    def look(self, nodes: Sequence[str]) -> Sight:
        self.looks.append(nodes)
        assert self.looking.wait(20), "looking stayed clear"
        sight: dict[str, NodeListing | LabError] = {}
        for node in nodes:
            found = NodeListing(
                tuple(sorted(self.active[node])), tuple(sorted(self.starting[node]))
            )
            sight[node] = NodeUnreachable(node, 1, "no route") if node in self.silent else found
        return sight

    def start(self, node: str, container: Container) -> bool:
        self._reach("start", node, container.name)
        if container.name in self.active[node]:
            return False
        if container.name in self.failing:
            raise CommandFailed(node, f"start {container.name}", 1, "no port is free")
        if container.name in self.slow:
            self.starting[node][container.name] = container.image
            raise CommandFailed(node, f"start {container.name}", 124, "not serving after 1 s")
        self.starting[node].pop(container.name, None)
        self.active[node][container.name] = container.image
        return True

    def stop(self, node: str, name: str) -> bool:
        self._reach("stop", node, name)
        was = (self.active[node].pop(name, None), self.starting[node].pop(name, None))
        return was != (None, None)

    def come_up(self) -> None:
        """Let everything that is still starting come up."""
        for node, names in self.starting.items():
            self.active[node].update(names)
            names.clear()

    def _reach(self, verb: str, node: str, name: str) -> None:
        self.orders.append((verb, node, name))
        assert self.gate.wait(20), "the gate stayed closed"
        if node in self.busy:
            raise NodeBusy(node, 1)
        if node in self.silent:
            raise NodeUnreachable(node, 1, "no route")
