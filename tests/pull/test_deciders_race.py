"""Many schedulers and node controllers by accident, and users who do as they like meanwhile."""

import random
import threading
from contextlib import contextmanager

import pytest

from services.core.errors import UnknownContainer
from services.core.liveness import NODE_DOWN, NODE_DRAINED, NODE_LEAVING, NODE_UNKNOWN
from services.core.model import STOP
from services.core.profile import profile
from services.core.schedule import LEAST_LOADED
from services.pull import node_controller, scheduler
from services.pull.one_pass import run
from services.store import Store
from services.store.events import PLACED, UNPLACED, UNWANTED, WANTED
from tests.pull.clock import Clock
from tests.pull.direct import DirectApi, declare, names, report
from tests.waiting import wait_for

NODES = ("node1", "node2", "node3", "node4")
BY_HAND = "by hand"
EVICTED = (NODE_DOWN, NODE_UNKNOWN, NODE_LEAVING, NODE_DRAINED)
SCHEDULERS, CONTROLLERS, USERS, ACTS = 8, 3, 3, 60


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path, lease_s=3.0, now_s=Clock())
    for node in NODES:
        report(made, node)
    yield made
    made.close()


@contextmanager
def deciding(make_api):
    """Passes of all deciders, in a thread each, until the block ends."""
    over = threading.Event()
    errors = []

    def repeat(program, timings):
        try:
            while not over.is_set():
                run(program.decide, make_api(), timings)
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


def use(store, seed):
    """Declare, delete, place and unplace at random; drain and undrain nodes, but never all."""
    dice = random.Random(seed)
    for _ in range(ACTS):
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
        for node in NODES:
            report(store, node)


def play(store, make_api):
    with deciding(make_api):
        users = [threading.Thread(target=use, args=(store, seed)) for seed in range(USERS)]
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
    play(store, lambda: DirectApi(store))
    check(store)
    said = capsys.readouterr().out
    assert "SKIP" in said, "nobody was faster than anybody: this shows nothing"


def check(store):
    """Read the history: each decision was about what was true just before it."""
    where = {}
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
