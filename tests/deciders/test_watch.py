"""How scheduler and node controller go on watching for as long as the profile says."""

import threading
import time
from contextlib import contextmanager

import pytest

from services.core.model import STOP, Container
from services.core.profiles import profile
from services.deciders import node_controller, scheduler
from services.deciders.loop import Clock, run
from services.deciders.state_server import Wait
from tests.pull.direct import DirectApi, declare, names, report
from tests.pull.passes import decide_of
from tests.states import open_state
from tests.waiting import wait_for

LEAST = "least loaded node that is up"


def watching(seconds, tick_s=60.0):
    """A profile; tick_s: so long by default that no test passes by polling."""
    return profile("fast")._replace(watch_s=seconds, tick_s=tick_s)


@contextmanager
def watch(program, api, **timings):
    """A pass of `program` in its own thread, which ends with the block."""
    errors = []

    def body():
        try:
            run(decide_of(program), api, watching(60, **timings))
        except Exception as error:  # told to the test below
            errors.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    try:
        yield
    finally:
        api.ending = True
        thread.join(10)
    assert not thread.is_alive()
    assert errors == []


def idle(api):
    assert api.waiting.wait(10), api.asked


def test_a_new_container_is_placed_at_once(store, capsys):
    report(store, "node1")
    api = DirectApi(store)
    with watch(scheduler, api):
        idle(api)
        declare(store, "a")
        wait_for(lambda: names(store)["a"] == "node1", "a is placed", timeout_s=10)
    assert capsys.readouterr().out.splitlines() == [f"PLACE a -> node1: {LEAST}"]
    assert api.asked[1].startswith("GET /api/containers?unassigned=true&wait=")
    # What the watch brought is not asked for again.
    assert api.asked[2:5] == ["GET /api/containers", "GET /api/nodes", "PATCH /api/containers/a"]


def test_a_node_that_comes_is_used_at_once_and_what_waits_for_it_is_said_once(store, capsys):
    declare(store, "a")
    api = DirectApi(store)
    with watch(scheduler, api):
        idle(api)
        report(store, "node1")
        wait_for(lambda: names(store)["a"] == "node1", "a is placed", timeout_s=10)
    assert capsys.readouterr().out.splitlines() == [
        "WAITING: 1 waiting; no node is up (0 known, 0 down)",
        f"PLACE a -> node1: {LEAST}",
    ]


def test_what_must_not_run_twice_is_placed_as_soon_as_it_stopped(store, capsys):
    declare(store, "a", policy=STOP)
    report(store, "node1", "a")
    store.mark("node1", cordoned=True)
    report(store, "node2")
    api = DirectApi(store)
    with watch(scheduler, api):
        idle(api)
        report(store, "node1")
        wait_for(lambda: names(store)["a"] == "node2", "a is placed", timeout_s=10)
    assert capsys.readouterr().out.splitlines() == [
        "WAITING: a must not run twice, and node1 still runs it",
        f"PLACE a -> node2: {LEAST}",
    ]


def test_reports_that_change_no_list_are_looked_for_every_tick(store):
    declare(store, "a", node="node1", policy=STOP)
    report(store, "node1")
    store.place("a", None, "by hand")
    api = DirectApi(store)
    with watch(scheduler, api, tick_s=0.05):
        wait_for(lambda: api.asked.count("GET /api/nodes") > 2, "it looks", timeout_s=10)
        assert names(store) == {"a": None}
        report(store, "node1")
        wait_for(lambda: names(store)["a"] == "node1", "a is placed", timeout_s=10)


def test_a_node_that_leaves_is_heard_at_once(store, capsys):
    declare(store, "a", node="node1")
    report(store, "node1", "a")
    report(store, "node2")
    api = DirectApi(store)
    with watch(node_controller, api):
        idle(api)
        store.leave("node1", "boot")
        wait_for(lambda: names(store)["a"] is None, "a is unassigned", timeout_s=10)
    assert capsys.readouterr().out.splitlines() == ["UNASSIGN a: node is leaving: node1"]


def test_the_controller_wakes_when_a_guard_ends_and_says_once_that_it_held(tmp_path, capsys):
    """The store's clock runs: nobody speaks, and nothing changes but the time."""
    store = open_state(tmp_path, lease_s=0.4)
    declare(store, "a", node="ghost")
    report(store, "node1")
    api = DirectApi(store)
    began_s = time.monotonic()
    alive = threading.Event()

    def speak():
        while not alive.wait(0.1):
            store.alive("node1")

    speaker = threading.Thread(target=speak)
    speaker.start()
    try:
        with watch(node_controller, api):
            wait_for(lambda: names(store)["a"] is None, "a is unassigned", timeout_s=10)
            took_s = time.monotonic() - began_s
    finally:
        alive.set()
        speaker.join()
    assert capsys.readouterr().out.splitlines() == [
        "WAITING: state server is up for less than one lease (0.4 s)",
        "UNASSIGN a: the server never heard from this node: ghost",
    ]
    assert took_s < 5  # a tick would be a minute
    assert sum("wait=" in line for line in api.asked) < 10


@pytest.mark.parametrize(("program", "line"), [(scheduler, "PLACE"), (node_controller, "UNASSIGN")])
def test_who_was_overtaken_decides_anew(tmp_path, clock, capsys, program, line):
    """By a change that leaves the container where it is."""
    store = open_state(tmp_path, lease_s=60.0, now_s=clock)
    declare(store, "a", node=None if program is scheduler else "node1")
    report(store, "node1")
    clock.now_s += 61
    report(store, "node2")
    report(store, "node3")
    before = names(store)
    images = iter(["nginx"])

    def meanwhile():
        for image in images:
            store.put(Container("a", image))

    with watch(program, DirectApi(store, meanwhile), tick_s=0.05):
        wait_for(lambda: names(store) != before, "it decides", timeout_s=10)
    assert [text.split()[0] for text in capsys.readouterr().out.splitlines()] == ["SKIP", line]


def test_why_nothing_is_decided_is_said_once_however_often_it_is_found(store, capsys):
    declare(store, "a", node="node1")
    for name in ("node1", "node2"):
        report(store, name)
        store.mark(name, cordoned=True)
    store.mark("node1", draining=True)
    api = DirectApi(store)
    with watch(node_controller, api):
        idle(api)
        store.mark("node2", draining=True)
        wait_for(lambda: api.asked.count("GET /api/nodes") == 2, "it looks", timeout_s=10)
        wait_for(api.waiting.is_set, "it waits again", timeout_s=10)
    assert capsys.readouterr().out.splitlines() == [
        "WAITING: node1 is to be drained, but no other node takes containers"
    ]


def test_a_pass_ends_when_its_time_is_over(store):
    report(store, "node1")
    api = DirectApi(store)
    began_s = time.monotonic()
    run(scheduler.decide, api, watching(0.3))
    assert 0.3 <= time.monotonic() - began_s < 5
    assert len(api.asked) == 2


def test_what_changes_at_the_last_moment_is_still_decided():
    slept: list[float] = []
    decisions: list[None] = []

    def last_moment(wait_s):
        slept.append(wait_s)
        return True

    def decide(*_):
        decisions.append(None)
        return Wait(last_moment)

    run(decide, None, watching(10), Clock(lambda: sum(slept)))
    assert (len(decisions), slept) == (2, [10])


@pytest.mark.parametrize("program", [scheduler, node_controller])
def test_a_server_that_lets_nobody_wait_is_asked_once(store, program):
    api = DirectApi(store)
    api.deaf = True
    run(decide_of(program), api, watching(60))
    assert not [line for line in api.asked if "wait" in line]


def test_a_server_that_answers_at_once_is_not_asked_again_and_again(store):
    api = DirectApi(store)
    api.ending = True
    run(scheduler.decide, api, watching(60))
    assert len(api.asked) == 2
