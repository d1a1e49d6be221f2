"""What differs, by kind, and when it is worth a word."""

import pytest

from lab.stage.differences import GRACE_S, ORDER_S, STARTS_S
from lab.stage.fold import SILENT_S
from tests.stage.made import Made, beat, heard, shown


def differs(made, now_s, mode="pull"):
    found = shown(made, now_s)[f"differs/{mode}"]
    return [tuple(one.values()) for one in found]


def running(mode="pull"):
    """`a` is wanted, placed, and runs on node1."""
    made = Made(modes=(mode,)).wanted(1, "a", mode=mode).runs(1, "node1", "a", mode=mode)
    made.runs(1, "node2", mode=mode).runs(1, "node3", mode=mode)
    return heard(made.claims(2, {"a": "node1"}, mode=mode), 2)


def test_what_is_as_it_should_be_differs_in_nothing():
    assert differs(running(), 3) == []


def test_a_wanted_container_that_runs_nowhere_is_gone_at_once():
    assert differs(heard(running().runs(3, "node1"), 3), 3) == [("gone", "a", "")]


def test_what_may_run_where_nothing_is_known_is_not_gone():
    made = heard(running().runs(3, "node1"), 3)
    made = heard(made, 4 + SILENT_S, "node1", "node2")
    assert ("gone", "a", "") not in differs(made, 4 + SILENT_S)


def test_what_was_just_declared_is_on_its_way_and_not_gone():
    made = heard(running().wanted(3, "a", "b"), 3)
    assert differs(made, 3) == []
    assert differs(heard(made, 3 + STARTS_S), 3 + STARTS_S)[0] == ("gone", "b", "")


def test_what_is_wanted_again_has_to_start_again():
    made = heard(running().wanted(3).runs(3, "node1").wanted(4, "a"), 5)
    assert differs(made, 5) == []


def test_two_copies_are_named_with_their_nodes():
    made = heard(running().runs(3, "node2", "a"), 3)
    assert differs(made, 3) == [("twice", "a", "node1"), ("twice", "a", "node2")]


def test_a_stray_is_one_that_goes_on_without_being_wanted():
    made = beat(heard(running().runs(3, "node2", "fake"), 3), 2 + ORDER_S, {"a": "node1"})
    assert differs(made, 2 + ORDER_S) == []
    made = beat(made, 3 + ORDER_S, {"a": "node1"})
    assert differs(made, 3 + ORDER_S) == [("stray", "fake", "node2")]
    assert differs(made.wanted(14, "a", "fake"), 14) == []


def test_what_runs_is_no_stray_where_it_is_not_known_what_is_wanted():
    made = Made().runs(1, "node1", "a").runs(1, "node2").runs(1, "node3").claims(1, {}, ok=False)
    for at_s in range(2, 30):
        heard(made.claims(at_s, {}, ok=False), at_s)
    view = shown(made, 29)
    assert [one["kind"] for one in view["differs/pull"]] == ["silent"]
    assert "wanted/pull" not in view


def test_where_a_fault_acts_a_stray_is_no_order_under_way():
    made = heard(running().fault(3, "node2", "acted").runs(3, "node2", "fake"), 3)
    assert differs(heard(made, 3 + GRACE_S), 3 + GRACE_S) == [("stray", "fake", "node2")]


def test_what_a_user_declared_beside_a_run_is_no_stray_until_it_is_taken_back():
    made = running().claims(3, {"a": "node1", "web": "node2"}).runs(3, "node2", "web")
    made = beat(made, 20, {"a": "node1", "web": "node2"})
    assert differs(made, 20) == []
    made = beat(made, 21 + ORDER_S, {"a": "node1"})
    assert differs(made, 21 + ORDER_S) == [("stray", "web", "node2")]


def test_what_ran_in_push_before_the_recording_is_no_stray():
    made = Made(modes=("push",)).runs(1, "node1", "old", mode="push").runs(1, "node2", mode="push")
    made = heard(made.runs(1, "node3", mode="push"), 1).runs(2, "node2", "new", mode="push")
    made = beat(made, 13, {"old": "node1", "new": "node2"}, mode="push")
    assert differs(made, 13, "push") == [("stray", "new", "node2")]
    strips = shown(made, 13)
    assert [one[:2] for one in strips["bars/push/node1"]][-1] == ("old", "runs")
    assert [one[:2] for one in strips["bars/push/node2"]][-1] == ("new", "stray")


@pytest.mark.parametrize("mode", ["push", "pull"])
def test_an_api_that_lists_what_does_not_run_claims_it(mode):
    made = heard(running(mode).runs(3, "node1", mode=mode), 3)
    assert differs(made, 3, mode) == [("gone", "a", "")]
    made = heard(made, 3 + GRACE_S)
    assert differs(made, 3 + GRACE_S, mode) == [("claimed", "a", "node1"), ("gone", "a", "")]
    made.claims(8, {"a": "node1"} if mode == "pull" else {}, mode=mode, running=[])
    assert differs(made, 8, mode) == [("gone", "a", "")]


def test_of_a_node_of_which_nothing_is_known_no_claim_is_called_untrue():
    made = running().put(3, "lost", machine="node1", why="", from_s=2)
    assert differs(heard(made, 3 + GRACE_S), 3 + GRACE_S) == []


@pytest.mark.parametrize("state", ["off", "absent", "paused"])
@pytest.mark.parametrize("mode", ["push", "pull"])
def test_an_api_that_takes_a_dead_node_for_up_is_unaware(mode, state):
    made = heard(running(mode).machine(3, "node2", state), 3, "node1", "node3")
    assert differs(made, 3, mode) == []
    assert differs(made, 3 + GRACE_S, mode) == [("unaware", "", "node2")]
    made.claims(7, {"a": "node1"}, mode=mode, down=["node2"])
    assert differs(made, 7, mode) == []


def test_an_api_that_is_not_asked_yet_is_not_silent():
    made = Made().put(0, "step", name="heal", phase="begin")
    made.records = [record for record in made.records if record.kind != "looked"]
    assert differs(heard(made, 20), 21) == []
    assert differs(heard(made, 40), 40) == [("silent", "", "")]


def test_of_an_api_that_does_not_answer_nothing_else_is_said():
    made = heard(running().claims(3, {}, ok=False).machine(3, "node2", "off"), 3)
    assert differs(heard(made, 3 + GRACE_S), 3 + GRACE_S) == [("silent", "", "")]
