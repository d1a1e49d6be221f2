"""What one plain pass of scheduler and node controller decides."""

import pytest

from services.core.model import STOP
from services.core.profiles import profile
from services.deciders import node_controller, scheduler
from services.deciders.loop import run
from services.deciders.node_controller import NodeController
from tests.pull.direct import DirectApi, declare, names, report
from tests.pull.passes import decide_of
from tests.states import open_state

PLAIN = profile("seed")
LEAST = "least loaded node that is up"


@pytest.fixture
def once(store, capsys):
    """once(program) -> the lines that one plain pass of it printed."""

    def once(program, api=None):
        run(decide_of(program), api or DirectApi(store), PLAIN)
        return capsys.readouterr().out.splitlines()

    return once


def test_a_plain_pass_with_nothing_to_do_is_one_request_or_two(store, once):
    declare(store, "a", node="node1")
    report(store, "node1")
    api = DirectApi(store)
    assert once(scheduler, api) == []
    assert api.asked == ["GET /api/containers?unassigned=true"]
    api = DirectApi(store)
    assert once(node_controller, api) == []
    assert api.asked == ["GET /api/containers", "GET /api/nodes"]


def test_a_plain_pass_waits_for_nothing_even_if_it_holds_something(store, once):
    declare(store, "a")
    api = DirectApi(store)
    assert once(scheduler, api) == ["WAITING: 1 waiting; no node is up (0 known, 0 down)"]
    assert not [line for line in api.asked if "wait" in line]


@pytest.mark.parametrize("mark", ["cordoned", "draining"])
def test_nothing_new_comes_to_a_node_that_is_marked(store, once, mark):
    report(store, "node1")
    store.mark("node1", **{mark: True})
    declare(store, "a")
    said = ["cordoned"] if mark == "cordoned" else ["draining", "cordoned"]
    (line,) = once(scheduler)
    assert line.startswith("WAITING: 1 waiting; no node takes containers (1 known, ")
    assert [word for word in ("draining", "cordoned") if word in line] == said
    report(store, "node2")
    assert once(scheduler) == [f"PLACE a -> node2: {LEAST}"]


def test_a_drained_node_gives_away_what_it_has(store, once):
    declare(store, "a", "b", node="node1")
    report(store, "node1", "a", "b")
    store.mark("node1", draining=True)
    assert once(node_controller) == [
        "WAITING: node1 is to be drained, but no other node takes containers"
    ]
    report(store, "node2")
    assert once(node_controller) == [
        "UNASSIGN a: node is being drained: node1",
        "UNASSIGN b: node is being drained: node1",
    ]
    assert once(scheduler) == [f"PLACE a -> node2: {LEAST}", f"PLACE b -> node2: {LEAST}"]


def test_a_node_that_leaves_is_left_while_its_containers_still_run(store, once):
    declare(store, "a", node="node1")
    report(store, "node1", "a")
    report(store, "node2")
    store.leave("node1", "boot")
    assert once(node_controller) == ["UNASSIGN a: node is leaving: node1"]
    assert once(scheduler) == [f"PLACE a -> node2: {LEAST}"]


def test_what_must_not_run_twice_goes_on_only_after_the_drained_node_let_it_go(store, once):
    declare(store, "a", node="node1", policy=STOP)
    report(store, "node1", "a")
    report(store, "node2")
    store.mark("node1", draining=True)
    assert once(node_controller) == ["UNASSIGN a: node is being drained: node1"]
    held = "WAITING: a must not run twice, and "
    assert once(scheduler) == [f"{held}node1 has not yet said that it stopped it"]
    report(store, "node1", "a")  # it was told to stop it, and has not succeeded yet
    assert once(scheduler) == [f"{held}node1 still runs it"]
    report(store, "node1")
    assert once(scheduler) == [f"PLACE a -> node2: {LEAST}"]


def test_what_must_not_run_twice_leaves_a_silent_node_after_lease_and_margin(store, once, clock):
    declare(store, "a", node="node1", policy=STOP)
    for silent_s in range(10):
        if silent_s == 0:
            report(store, "node1", "a")
        report(store, "node2")
        report(store, "node3")
        said = once(node_controller)
        assert bool(said) == (silent_s > 3)
        assert all("stays on node1 until that is silent for 9 s" in line for line in said)
        clock.now_s += 1
    clock.now_s -= 0.5
    assert once(node_controller) == ["UNASSIGN a: node is down: node1"]
    assert once(scheduler) == [f"PLACE a -> node2: {LEAST}"]


def test_after_a_restart_nobody_is_thought_to_have_stopped_what_must_not_run_twice(
    tmp_path, clock, once
):
    old = open_state(tmp_path, lease_s=3.0, now_s=clock)
    declare(old, "a", node="node1", policy=STOP)
    report(old, "node1", "a")
    old.place("a", None, "by hand")
    old.close()
    store = open_state(tmp_path, lease_s=3.0, now_s=clock)
    for _ in range(9):
        report(store, "node2")
        (line,) = once(scheduler, DirectApi(store))
        assert (
            line == "WAITING: a must not run twice, and node1 has not yet said that it stopped it"
        )
        clock.now_s += 1
    clock.now_s += 0.1
    report(store, "node2")
    assert once(scheduler, DirectApi(store)) == [f"PLACE a -> node2: {LEAST}"]


def test_a_decision_on_old_data_writes_nothing_over_a_newer_one(store, once):
    report(store, "node1")
    declare(store, "a", "b")
    newer = DirectApi(store, lambda: store.place("a", "node9", "by hand"))
    lines = once(scheduler, newer)
    assert lines[0].startswith("SKIP a: changed meanwhile: ")
    assert lines[1:] == [f"PLACE b -> node1: {LEAST}"]
    assert names(store) == {"a": "node9", "b": "node1"}


def test_a_decision_is_void_also_when_it_comes_to_the_same_node_by_another_way(store, once, clock):
    """Off and on again: the node is what it was, the decision that put it there is a newer one."""
    declare(store, "a", node="node1")
    clock.now_s += 4
    report(store, "node2")

    def there_and_back():
        store.place("a", "node2", "by hand")
        store.place("a", "node1", "by hand")

    (line,) = once(node_controller, DirectApi(store, there_and_back))
    assert line.startswith("SKIP a")
    assert names(store) == {"a": "node1"}


def test_a_deleted_container_is_skipped(store, once):
    report(store, "node1")
    declare(store, "a", "b")
    lines = once(scheduler, DirectApi(store, lambda: store.remove("a")))
    assert [line[:6] for line in lines] == ["SKIP a", "PLACE "]


def test_the_guard_against_mass_silence_outlives_a_pass(store, clock, capsys, tmp_path):
    """Three nodes fall silent; each pass is a process of its own, as in `seed`."""
    declare(store, "a", node="node1")
    for node in ("node1", "node2", "node3"):
        report(store, node)
    run_dir = tmp_path / "run"
    run_dir.mkdir()

    def a_pass():
        controller = NodeController(str(run_dir), clock)
        run(controller.decide, DirectApi(store), PLAIN)
        return capsys.readouterr().out

    clock.now_s += 4
    assert "3 of 3 nodes fell silent together" in a_pass()
    for _ in range(3):
        report(store, "node2")
        report(store, "node3")
        assert "node1 still has one lease" in a_pass()
        clock.now_s += 1
    clock.now_s += 0.1
    assert "UNASSIGN a: node is down: node1" in a_pass()


@pytest.mark.parametrize("content", ["", "{", '{"guarded": {"node1": "x"}}', '{"guarded": 1}'])
def test_a_memory_that_cannot_be_used_is_none(store, clock, tmp_path, content):
    declare(store, "a", node="node1")
    clock.now_s += 4
    for node in ("node2", "node3"):
        report(store, node)
    (tmp_path / "memory.json").write_text(content)
    run(NodeController(str(tmp_path), clock).decide, DirectApi(store), PLAIN)
    assert names(store) == {"a": None}
