"""What ran where, from what recorders and the host said; and of which times that is not known."""

import pytest

from lab.experiment.check.timeline import build
from lab.experiment.check.traces import Span
from tests.experiment.histories import Made

T, F, N = True, False, None


def spans(made, node="node1", name="a", mode="pull"):
    timeline = build(made.history())
    assert timeline.damage == ("it has no end: the run was killed, or the file was cut off",)
    return [tuple(span) for span in timeline.runs[mode, node, name].spans]


def test_a_list_holds_while_the_recorder_looks():
    made = Made().runs(2, "node1", "a").looked(6, "node1").put(9, "human")
    assert spans(made) == [(0, 2, N), (2, 6, T), (6, 9, N)]


def test_lists_without_a_sign_after_them_say_nothing():
    made = Made().runs(2, "node1", "a").runs(6, "node1").put(9, "human")
    assert spans(made) == [(0, 9, N)]


def test_a_machine_that_is_off_runs_nothing_and_before_the_host_saw_it_nothing_is_known():
    made = Made().runs(1, "node1", "a").looked(4, "node1")
    made.put(6, "machine", machine="node1", state="off").put(9, "human")
    assert spans(made) == [(0, 1, N), (1, 4, T), (4, 6, N), (6, 9, F)]


def test_a_machine_that_boots_runs_nothing_until_its_first_list():
    made = Made().runs(1, "node1", "a", "b").machine(4, "node1", "off")
    made.machine(6, "node1", "running").runs(8, "node1", "b").looked(9, "node1")
    assert spans(made) == [(0, 1, N), (1, 4, T), (4, 9, F)]
    # What is in the first list can have been started at any time after the boot.
    assert spans(made, name="b") == [(0, 1, N), (1, 4, T), (4, 6, F), (6, 8, N), (8, 9, T)]


def test_a_boot_that_the_host_did_not_see_is_unknown_until_the_next_list():
    made = Made().runs(1, "node1", "a").looked(4, "node1")
    made.boots["node1"] = 2
    made.runs(7, "node1", "a").looked(9, "node1")
    assert spans(made) == [(0, 1, N), (1, 4, T), (4, 7, N), (7, 9, T)]


def test_a_list_of_an_older_boot_does_not_hold_for_the_next():
    made = Made().runs(1, "node1", "a").looked(4, "node1")
    made.boots["node1"] = 2
    made.looked(9, "node1")
    assert spans(made) == [(0, 1, N), (1, 4, T), (4, 9, N)]


@pytest.mark.parametrize("seen", [True, False])
def test_a_list_without_a_sign_of_its_boot_is_none_of_the_next(seen):
    made = Made().runs(1, "node1", "a")
    if not seen:
        made.records = [r for r in made.records if r.kind != "looked"]
    made.put(3, "machine", machine="node1", state="off")
    made.put(6, "machine", machine="node1", state="running")
    made.boots["node1"] = 2
    made.looked(9, "node1")
    assert spans(made) == [(0, 3, N), (3, 6, F), (6, 9, N)]


def test_a_machine_that_boots_is_paused_for_a_moment_and_runs_nothing_then_either():
    made = Made().runs(1, "node1", "a").machine(4, "node1", "off")
    # The host looks every 0.6 s; what it sees is exact to half of that.
    made.put(9, "machine", 0.3, machine="node1", state="paused")
    made.put(9.6, "machine", 0.3, machine="node1", state="running")
    made.boots["node1"] = 2
    made.put(10, "runs", 0.1, node="node1", mode="pull", containers=[]).looked(20, "node1")
    assert build(made.history()).runs["pull", "node1", "a"].within(4, 20).ever() is False


def test_a_paused_machine_runs_nothing_and_goes_on_with_what_it_had():
    made = Made().runs(1, "node1", "a").machine(4, "node1", "paused")
    made.machine(6, "node1", "running").looked(9, "node1")
    assert spans(made) == [(0, 1, N), (1, 4, T), (4, 6, F), (6, 9, T)]


def test_what_is_lost_is_unknown_until_the_next_list_even_if_it_was_looked_at():
    made = Made().runs(1, "node1", "a").looked(5, "node1")
    made.put(6, "lost", machine="node1", from_s=3, why="dropped").looked(7, "node1")
    made.runs(8, "node1", "a").looked(9, "node1")
    assert spans(made) == [(0, 1, N), (1, 3, T), (3, 8, N), (8, 9, T)]
    made = Made().runs(1, "node1", "a").looked(5, "node1")
    made.put(6, "lost", machine="node1", from_s=3, why="it ended").looked(9, "node1")
    assert spans(made) == [(0, 1, N), (1, 3, T), (3, 9, N)]


def test_the_error_of_a_list_makes_its_time_unknown():
    made = Made(error_s=0.5).runs(2, "node1", "a").runs(4, "node1").looked(9, "node1")
    assert spans(made) == [(0, 2.5, N), (2.5, 3.5, T), (3.5, 4.5, N), (4.5, 9, F)]


def test_modes_nodes_and_machines_are_not_mixed_up():
    made = Made(modes=("push", "pull")).runs(2, "node1", "a", mode="push")
    made.runs(2, "node1").runs(2, "node2", "a").looked(6, "node1").put(9, "human")
    assert spans(made, mode="push") == [(0, 2, N), (2, 6, T), (6, 9, N)]
    assert spans(made) == [(0, 2, N), (2, 6, F), (6, 9, N)]
    assert spans(made, "node2") == [(0, 9, N)]


def test_an_api_that_is_not_asked_any_more_says_nothing():
    made = Made().claims(2, {"a": "node1"}).claims(12, {}).put(40, "human")
    listed = build(made.history()).said("pull", lambda fields: bool(fields["containers"]))
    assert listed.spans == (Span(0, 2, N), Span(2, 12, T), Span(12, 27, F), Span(27, 40, N))


def test_what_is_judged_lies_between_the_first_steady_state_and_the_rollback():
    timeline = build(Made().steady(3).end(20))
    assert (timeline.from_s, timeline.to_s, timeline.end_s) == (3, 20, 21)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("runs", {"node": "node1", "mode": "pull", "containers": 7}),
        ("wanted", {"mode": "pull", "names": None}),
        ("wanted", {"mode": "pull", "names": 7}),
        ("claims", {"mode": "pull", "containers": [["a"]]}),
        ("claims", {"mode": "pull", "containers": [], "nodes": [7]}),
        ("looked", {"machine": "node1", "until_s": "soon", "boot": 1}),
        ("lost", {"machine": "node1", "from_s": "soon"}),
    ],
)
def test_a_record_of_another_shape_is_damage(kind, fields):
    made = Made().runs(1, "node1", "a").put(2, kind, **fields)
    timeline = build(made.end(9))
    assert "wrong type" in timeline.damage[0]
    assert timeline.modes == ()


def test_push_comes_first():
    assert build(Made(modes=("pull", "push")).end(9)).modes == ("push", "pull")


def test_a_history_without_a_beginning_has_damage():
    made = Made().runs(1, "node1", "a")
    del made.records[0]
    timeline = build(made.end(9))
    assert timeline.modes == ()
    assert "beginning" in timeline.damage[0]
