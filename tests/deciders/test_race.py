"""Many schedulers and node controllers by accident, and users who do as they like meanwhile."""

import random
import re
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from services.core import wire, wire_nodes
from services.core.errors import UnknownContainer
from services.core.liveness import NODE_DOWN, NODE_DRAINED, NODE_LEAVING, NODE_UNKNOWN
from services.core.model import STOP
from services.core.profiles import profile
from services.core.schedule import LEAST_LOADED
from services.deciders import node_controller, scheduler
from services.deciders.loop import run
from services.deciders.state_server import StateServer
from services.state.answers import PLACED, UNPLACED, UNWANTED, WANTED, Listing
from tests.pull.clock import Clock
from tests.pull.direct import DirectApi, declare, names, report
from tests.pull.passes import decide_of
from tests.serving import ROOT, Client
from tests.states import open_state
from tests.waiting import wait_for

NODES = ("node1", "node2", "node3", "node4")
BY_HAND = "by hand"
EVICTED = (NODE_DOWN, NODE_UNKNOWN, NODE_LEAVING, NODE_DRAINED)
SCHEDULERS, CONTROLLERS, USERS = 8, 3, 3


@pytest.fixture
def store(tmp_path):
    made = open_state(tmp_path, lease_s=3.0, now_s=Clock())
    for node in NODES:
        report(made, node)
    yield made
    made.close()


class HttpStore:
    """What the test does with a store, done to a server by a user's and the agents' requests."""

    def __init__(self, address):
        self._address = address
        self._own = threading.local()

    def _call(self, method, path, body=None):
        if not hasattr(self._own, "client"):
            self._own.client = Client(self._address)
        answer = self._own.client(method, path, json=body)
        if answer.status_code == 404:
            raise UnknownContainer(path)
        assert answer.ok, answer.text
        return answer.json()

    def declare(self, container, node):
        body = {"name": container.name, "node": node, "on_disconnect": container.on_disconnect}
        self._call("POST", "/api/containers", body)

    def remove(self, name):
        self._call("DELETE", f"/api/containers/{name}")

    def place(self, name, node, reason):
        self._call("PATCH", f"/api/containers/{name}", {"node": node, "reason": reason})

    def mark(self, node, **marks):
        self._call("PATCH", f"/api/nodes/{node}", marks)

    def assignment(self, node):
        return wire.load_assignment(self._call("GET", f"/api/containers?node={node}"))

    def beat(self, node, running, boot, revision):
        body = wire.dump_report(wire.Report(running, revision, boot))
        self._call("POST", f"/api/nodes/{node}/heartbeat", body)

    def listing(self):
        placed = wire.load_placed(self._call("GET", "/api/containers"))
        return Listing(placed, {}, 0, 0)

    def events(self, since):
        return wire_nodes.load_events(self._call("GET", f"/api/events?since={since}"))


@contextmanager
def deciding(make_api):
    """Passes of all deciders, in a thread each, until the block ends."""
    over = threading.Event()
    errors = []

    def repeat(program, timings):
        try:
            while not over.is_set():
                run(decide_of(program), make_api(), timings)
        except Exception as error:
            errors.append(error)

    # Some watch, and decide on what they read in an earlier decision; some begin anew each time.
    plain, watching = profile("seed"), profile("fast")._replace(watch_s=0.3, tick_s=0.05)
    threads = [
        threading.Thread(target=repeat, args=(program, timings))
        for program, number in ((scheduler, SCHEDULERS), (node_controller, CONTROLLERS))
        for timings in [plain, watching] * (number // 2 + 1)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(20)
    assert errors == []


def use(store, seed, acts):
    """Declare, delete, place and unplace at random; drain and undrain nodes, but never all."""
    dice = random.Random(seed)
    for _ in range(acts):
        name = f"c{dice.randrange(12)}"
        act = dice.choice(["declare", "declare", "declare", "delete", "place", "unplace", "drain"])
        try:
            if act == "declare":
                declare(store, name, policy=dice.choice(["keep", STOP]))
            elif act == "delete":
                store.remove(name)
            elif act == "drain":
                store.mark(NODES[seed], draining=dice.random() < 0.5)
            else:
                store.place(name, dice.choice(NODES) if act == "place" else None, BY_HAND)
        except UnknownContainer:
            pass
        report(store, dice.choice(NODES))


def play(store, make_api, acts):
    with deciding(make_api):
        users = [threading.Thread(target=use, args=(store, seed, acts)) for seed in range(USERS)]
        for thread in users:
            thread.start()
        for thread in users:
            thread.join(60)
        for node in NODES[1:]:
            store.mark(node, cordoned=False)
        store.mark("node1", draining=True)
        declare(store, *(f"late{number}" for number in range(9)))

        def settled():
            for node in NODES:
                report(store, node)
            return names(store) and set(names(store).values()) <= set(NODES[1:])

        wait_for(settled, "everything is on a node that takes it", timeout_s=20)


def test_everything_ends_on_one_node_that_lives_and_nothing_newer_is_overwritten(store, capsys):
    play(store, lambda: DirectApi(store), 60)
    check(store)
    said = capsys.readouterr().out
    assert "SKIP" in said, "nobody was faster than anybody: this shows nothing"


@contextmanager
def program(*arguments):
    """A program of services.pull, until the block ends; yield its standard error, line by line."""
    command = [sys.executable, "-m", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            yield running.stderr
        finally:
            running.kill()


def test_the_same_over_the_real_server_with_programs_among_the_passes(tmp_path, capsys):
    data = ("--data", str(tmp_path), "--listen", "127.0.0.1:0", "--profile", "fast")
    with program("services.pull", *data) as said:
        (port,) = re.findall(r"listening on http://127.0.0.1:(\d+)", said.readline())
        address = ("127.0.0.1", int(port))
        store = HttpStore(address)
        for node in NODES:
            report(store, node)
        options = ("--api", f"127.0.0.1:{port}", "--profile", "fast")
        with (
            program("services.deciders.scheduler", *options),
            program("services.deciders.node_controller", *options),
        ):
            play(store, lambda: StateServer(address, 20.0), 20)
        check(store)
    assert "SKIP" in capsys.readouterr().out


def check(store):
    """Read the history: each decision was about what was true just before it."""
    where: dict[str, str | None] = {}
    decided = 0
    page = store.events(0)
    assert not page.truncated
    for event in page.events:
        name, before = event.subject, where.get(event.subject)
        if event.kind == WANTED:
            where.setdefault(name, event.node or None)
        elif event.kind == UNWANTED:
            del where[name]
        elif event.kind in (PLACED, UNPLACED):
            if event.reason == LEAST_LOADED:
                assert before is None, f"{event} over {before}"
                decided += 1
            elif event.reason != BY_HAND:
                why, _, node = event.reason.partition(": ")
                assert why in EVICTED
                assert node == before, f"{event} over {before}"
                decided += 1
            where[name] = event.node if event.kind == PLACED else None
    assert where == names(store)
    assert decided > 20
