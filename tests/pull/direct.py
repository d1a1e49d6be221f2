"""The state server without its HTTP: what deciders ask for, answered by a real store at once."""

import json
import threading
import time

from services.core import wire, wire_nodes
from services.core.errors import ApiRefused, ApiUnreachable, UnknownContainer
from services.core.model import Container, Health, UnitState
from services.deciders.state_server import GIVEN_UP, StateServer
from services.lib.http_client import Reply
from services.state import RevisionConflict
from services.state.topics import CONTAINERS, NODES, UNASSIGNED

TOPICS = {
    "/api/containers": CONTAINERS,
    "/api/containers?unassigned=true": UNASSIGNED,
    "/api/nodes": NODES,
}


class DirectApi(StateServer):
    """Asks `store`. asked: every request, as METHOD PATH. before_write: called before each PATCH.

    away: when set, nobody answers. failing: a status with which everything is refused. deaf: the
    server answers without ETags. waiting: set while a request is held. ending: when set, whoever
    waits is sent away. addresses: of nodes, by name. now_s:
    the clock of waits; slice_s: seconds in between two looks of one.
    """

    def __init__(self, store, before_write=lambda: None):
        super().__init__(("direct", 0), 0.0)
        self._store = store
        self._before_write = before_write
        self.asked = []
        self.away = False
        self.failing = 0
        self.deaf = False
        self.waiting = threading.Event()
        self.ending = False
        self.addresses, self.deaths = {}, {}
        self.now_s, self.slice_s = time.monotonic, 0.05

    def _ask(self, method, path, headers, body, wait_s, meanwhile=None):
        self.asked.append(f"{method} {path}")
        if self.away:
            raise ApiUnreachable(path, "connection refused")
        if self.failing:
            raise ApiRefused(path, self.failing, "cannot")
        if method == "POST":
            return self._down(path.split("/")[3], body["silent_s"])
        if method == "PATCH":
            return self._patch(path, headers, json.loads(json.dumps(body)))
        return self._get(path, headers, wait_s, meanwhile)

    def _get(self, path, headers, wait_s, meanwhile):
        path = path.replace("&wait=", "?wait=") if "unassigned" in path else path
        path, _, wait = path.partition("?wait=")
        assert (float(wait) if wait else 0.0) == round(wait_s, 3)
        topic = TOPICS[path]
        condition = headers.get("If-None-Match", "")
        holds = condition == self._etag(topic) and wait
        if holds and not self._hold(topic, self._store.version(topic), wait_s, meanwhile):
            return GIVEN_UP
        etag = self._etag(topic)
        if condition == etag:
            return Reply(304, etag, None, self._store.stale())
        body = json.loads(json.dumps(self._list(topic)))
        return Reply(200, "" if self.deaf else etag, body, self._store.stale())

    def _hold(self, topic, version, wait_s, meanwhile):
        """Return False if `meanwhile` ended it."""
        until_s = self.now_s() + wait_s
        self.waiting.set()
        while not self.ending and (left_s := until_s - self.now_s()) > 0:
            if self._store.await_change(topic, version, min(left_s, self.slice_s)) != version:
                break
            if meanwhile and meanwhile.act():
                return False
        self.waiting.clear()
        return True

    def _etag(self, topic):
        return f'"{self._store.epoch}-{self._store.version(topic)}"'

    def _list(self, topic):
        if topic == NODES:
            roll = self._store.nodes()
            items = [self._described(node, beat) for node, beat in roll.heard]
            lease_s, margin_s, _ = self._store.terms
            unsure = roll.left, roll.unheard, roll.hold_s
            return wire_nodes.dump_nodes(
                items, roll.uptime_s, lease_s, roll.awaited, margin_s, *unsure
            )
        listing = self._store.unassigned() if topic == UNASSIGNED else self._store.listing()
        return wire.dump_placed(listing.placed, listing.running, listing.revision)

    def _down(self, name, silent_s):
        node, beat = self._store.node(name)
        if node.silent_s + 0.001 < silent_s:
            raise ApiRefused(name, 412, "spoke")
        self.deaths[name] = beat.at_s
        return Reply(200, "", None)

    def _described(self, node, beat):
        node = node._replace(address=self.addresses.get(node.name, ""))
        if self.deaths.get(node.name) == beat.at_s:
            node = node._replace(health=Health.DOWN)
        return wire_nodes.dump_node(node, beat.wall, sorted(beat.running))

    def _patch(self, path, headers, body):
        self._before_write()
        assert headers["Prefer"] == "return=minimal"
        name, expect = path.rpartition("/")[2], int(headers["If-Match"].strip('"'))
        try:
            placed = self._store.place(name, body["node"], body["reason"], expect=expect)
        except (UnknownContainer, RevisionConflict) as error:
            status = 404 if isinstance(error, UnknownContainer) else 412
            raise ApiRefused(path, status, str(error)) from None
        return Reply(200, f'"{placed.revision}"', wire.dump_changed(placed, {}, placed.revision))


def names(store):
    return {item.name: item.node for item in store.listing().placed}


def report(store, node, *running):
    """A heartbeat of an agent that has acted on its newest assignment."""
    units = {name: UnitState("demo", True) for name in running}
    store.beat(node, units, "boot", store.assignment(node).revision)


def declare(store, *names, node=None, policy="keep"):
    for name in names:
        store.declare(Container(name, on_disconnect=policy), node)
