"""Promises to containers that must never run twice: P1, P10, and nodes that are declared dead."""

import pytest

from services.core.errors import UnknownNode
from services.core.model import KEEP, STOP, Container, UnitState
from services.core.profiles import profile
from services.deciders import node_controller, scheduler
from services.deciders.loop import run
from services.state import Forgotten, changes, enrolment, signs
from services.state.keys import Conflict
from services.state.said import Said
from tests.pull.direct import DirectApi, declare, names, report
from tests.pull.passes import decide_of
from tests.state.conftest import TERMS, reopen, told

LONG_S = 60


@pytest.fixture
def decided(capsys):
    """decided(store) -> what controller and scheduler say in a pass each."""

    def decided(store):
        for program in (node_controller, scheduler):
            run(decide_of(program), DirectApi(store), profile("seed"))
        return capsys.readouterr().out.splitlines()

    return decided


@pytest.fixture
def silence(clock, decided):
    """silence(store, *others): node1 is cut off for a minute, while `others` speak."""

    def silence(store, *others):
        said = []
        for _ in range(LONG_S):
            clock.now_s += 1
            for node in others:
                report(store, node)
            said += decided(store)
        return said

    return silence


@pytest.fixture
def cut_off(store):
    """web (keep) runs on node1, which is cut off from now on; node2 lives."""
    declare(store, "web", node="node1")
    report(store, "node1", "web")
    report(store, "node2")
    return store


CHANGES = {
    "another policy": lambda store: store.put(Container("web", on_disconnect=STOP)),
    "deleted and declared again": lambda store: (
        store.remove("web"),
        store.declare(Container("web", on_disconnect=STOP), None),
    ),
    "another policy, taken off by hand": lambda store: (
        store.put(Container("web", on_disconnect=STOP)),
        store.place("web", None, "by hand"),
    ),
    "taken off by hand, another policy": lambda store: (
        store.place("web", None, "by hand"),
        store.put(Container("web", on_disconnect=STOP)),
    ),
    "stop, keep, stop": lambda store: (
        store.put(Container("web", on_disconnect=STOP)),
        store.put(Container("web", on_disconnect=KEEP)),
        store.put(Container("web", on_disconnect=STOP)),
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("restarted", [False, True])
def test_what_a_node_never_heard_it_does_not_do(
    cut_off, silence, clock, tmp_path, change, restarted
):
    """P1: the old copy runs on, so no other one may start."""
    change(cut_off)
    store = reopen(tmp_path, clock) if restarted else cut_off
    said = silence(store, "node2")
    assert names(store)["web"] in ("node1", None)
    assert any("node1 never heard that web must stop; lab forget node1" in line for line in said)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_person_can_say_that_the_node_is_dead(cut_off, silence, change):
    change(cut_off)
    silence(cut_off, "node2")
    cut_off.forget("node1")
    assert told(cut_off)[-1] == ("node-forgotten", "node1", "node1")
    silence(cut_off, "node2")
    assert names(cut_off)["web"] == "node2"


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_node_may_hear_it_after_all(cut_off, silence, change):
    change(cut_off)
    report(cut_off, "node1", "web")
    report(cut_off, "node1")
    cut_off.mark("node1", cordoned=True)
    silence(cut_off, "node2")
    assert names(cut_off)["web"] == "node2"


def test_what_it_heard_it_does_when_its_lease_has_run_out(store, silence):
    declare(store, "web", node="node1", policy=STOP)
    report(store, "node1", "web")
    report(store, "node2")
    silence(store, "node2")
    assert names(store)["web"] == "node2"


def test_the_first_promise_after_a_start_is_as_quick_as_the_second(store, tmp_path, clock, decided):
    """P10: nodes that have not spoken since the server started cannot run what is new."""
    for node in ("node1", "node2", "node3"):
        report(store, node)
    again = reopen(tmp_path, clock)
    report(again, "node2")
    declare(again, "new", policy=STOP)
    assert decided(again) == ["PLACE new -> node2: least loaded node that is up"]


def test_what_was_decided_before_a_node_was_forgotten_does_not_bring_it_back(cut_off):
    said = Said({}, "boot")
    known = signs.hear(cut_off._view, "node1", said, TERMS)
    new = enrolment.enrol(
        cut_off._view, cut_off._limits, "node3", {}, signs.hear(cut_off._view, "node3", said, TERMS)
    )
    report(cut_off, "node3")
    for node in ("node1", "node3"):
        cut_off.forget(node)
    for plan in (known, new):
        with pytest.raises(Conflict):
            cut_off._keys.commit(plan.compare, plan.write)


def test_a_node_that_joins_meanwhile_is_remembered_to_run_what_it_loses(store):
    declare(store, "web", node="node1", policy=STOP)
    plan = changes.place(store._view, "web", None, "by hand", None)
    report(store, "node1", "web")
    with pytest.raises(Conflict):
        store._keys.commit(plan.compare, plan.write)
    store.place("web", None, "by hand")
    assert store.nodes().left == {"node1": ["web"]}


def test_who_was_declared_dead_is_refused_until_it_runs_nothing(cut_off, tmp_path, clock):
    cut_off.forget("node1")
    for store in (cut_off, reopen(tmp_path, clock)):
        with pytest.raises(Forgotten):
            store.beat("node1", {"web": UnitState("demo", ready=True)})
        with pytest.raises(Forgotten):
            store.alive("node1")
        with pytest.raises(UnknownNode):
            store.node("node1")
    report(store, "node1")
    assert store.node("node1")[0].name == "node1"


def test_nodes_that_were_declared_dead_are_not_counted(store, tmp_path, clock, silence):
    """P5: retired nodes must not make the next failure look like one of most nodes."""
    for node in ("node1", "node2", "node3", "old1", "old2"):
        report(store, node)
    again = reopen(tmp_path, clock)
    for node in ("old1", "old2"):
        again.forget(node)
    declare(again, "web", node="node1")
    for node in ("node1", "node2", "node3"):
        report(again, node)
    silence(again, "node2", "node3")
    assert names(again)["web"] in ("node2", "node3")
