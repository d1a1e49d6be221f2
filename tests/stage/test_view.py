"""From records to the view: every key, and what a damaged or hostile history makes of it."""

import json

import pytest

from lab.experiment.check.timeline import STALE_S
from lab.history.record import Record
from lab.stage.fold import SILENT_S
from lab.stage.view import Show, delta
from lab.stage.window import WINDOW_S
from tests.experiment.histories import LEASE_S, healed, lost
from tests.stage.made import Made, heard, shown

HOSTILE = "<img src=x onerror=alert(1)>\x1b[2J"


def test_before_its_first_record_nothing_is_shown():
    assert Show(recorded=True).view(0) == {}


def test_the_run_says_what_it_is():
    run = shown(Made(modes=("pull", "push")), 1)["run"]
    assert run["modes"] == ["push", "pull"]
    assert run["nodes"] == ["node1", "node2", "node3"]
    facts = ("name", "api", "seed", "profile", "lease_s", "recorded", "ended", "damage")
    assert [run[key] for key in facts] == ["made", "api", 7, "fast", LEASE_S, True, None, []]


def test_a_run_that_ended_says_why():
    made = Made()
    made.end(5, why="interrupted")
    assert shown(made, 6)["run"]["ended"] == "interrupted"


def test_what_is_wanted_claimed_and_real_stand_beside_each_other():
    made = Made().wanted(1, "a", "b").runs(1, "node1", "b", "a").runs(1, "node2").runs(1, "node3")
    view = shown(heard(made.claims(2, {"a": "node1", "b": None}, running=["a"]), 2), 2.5)
    assert view["wanted/pull"] == ["a", "b"]
    assert view["runs/pull/node1"] == {"containers": ["a", "b"], "known": True, "frozen": []}
    claims = view["claims/pull"]
    assert claims["placed"] == {"a": "node1", "b": None}
    assert claims["listed"] == [["a", "node1"], ["b", None]]
    assert (claims["ok"], claims["running"], claims["at_s"]) == (True, ["a"], 2)
    assert claims["nodes"]["node1"] == "up"


def test_push_says_nothing_about_what_should_run():
    made = Made(modes=("push",)).claims(1, {"a": "node1"}, mode="push")
    assert shown(made, 1)["claims/push"]["running"] is None


def test_a_claim_is_as_old_as_when_it_was_heard():
    made = Made(error_s=2.0).claims(10, {})
    assert shown(made, 12)["claims/pull"]["at_s"] == 12


def test_what_was_not_heard_for_long_is_not_known():
    made = heard(Made().runs(1, "node1", "a"), 2)
    assert shown(made, 2 + SILENT_S)["runs/pull/node1"]["known"]
    late = shown(made, 2.1 + SILENT_S)
    assert late["runs/pull/node1"] == {"containers": ["a"], "known": False, "frozen": []}
    assert late["heard/node1"] == 2


@pytest.mark.parametrize("state", ["off", "absent"])
def test_on_a_machine_that_is_off_nothing_runs_and_that_is_known(state):
    made = heard(Made().runs(1, "node1", "a"), 2).machine(3, "node1", state)
    view = shown(made, 100)
    assert view["machine/node1"] == state
    assert view["runs/pull/node1"] == {"containers": [], "known": True, "frozen": []}


def test_a_paused_machine_runs_nothing_and_goes_on_with_what_it_had():
    made = heard(Made().runs(1, "node1", "a"), 2).machine(3, "node1", "paused")
    view = shown(made, 100)
    assert view["runs/pull/node1"] == {"containers": [], "known": True, "frozen": ["a"]}
    made.machine(101, "node1", "running").looked(102, "node1")
    view = shown(made, 102)
    assert view["runs/pull/node1"] == {"containers": ["a"], "known": True, "frozen": []}


def test_after_a_boot_and_after_a_loss_it_takes_another_list():
    made = heard(Made().runs(1, "node1", "a"), 2)
    made.boots["node1"] += 1
    assert not shown(made.looked(3, "node1"), 3)["runs/pull/node1"]["known"]
    assert shown(made.runs(4, "node1").looked(4, "node1"), 4)["runs/pull/node1"]["known"]
    made.put(5, "lost", machine="node1", why="", from_s=4)
    assert not shown(made, 5)["runs/pull/node1"]["known"]


def test_a_lease_runs_from_when_the_node_was_heard_last_and_only_in_trouble():
    made = heard(Made(), 9)
    assert "lease/node1" not in shown(made, 9)
    made.put(10, "machine", machine="node1", state="off")
    assert shown(made, 10)["lease/node1"] == {"until_s": 9 + LEASE_S}
    made.claims(11, {}, down=["node1"])
    assert shown(made, 11)["lease/node1"] == {"until_s": 9 + LEASE_S}
    made.machine(20, "node1", "running")
    assert "lease/node1" in shown(made, 20)
    made.claims(21, {})
    assert "lease/node1" not in shown(made, 21)


def test_of_a_node_that_only_the_api_does_not_hear_the_rest_of_the_lease_is_counted():
    made = heard(Made(), 9)
    said = {"node1": "suspect", "node2": "up", "node3": "up"}
    fields = {"mode": "pull", "ok": True, "containers": [], "running": [], "error": ""}
    made.put(10, "claims", nodes=said, **fields)
    assert shown(made, 10)["lease/node1"] == {"until_s": pytest.approx(10 + 0.4 * LEASE_S)}


def test_a_fault_is_shown_from_its_intention_until_some_time_after_its_end():
    made = Made().fault(10, "node1", "intended").fault(11, "node1", "acted", "bitten")
    found = shown(made, 12)["fault/cut"]
    facts = ("fault", "target", "phase", "from_s", "to_s")
    assert [found[key] for key in facts] == ["cut", "node1", "bitten", 10, None]
    assert "plug" in found["words"]
    assert shown(made, 12)["bars/faults"] == [["cut", "node1", 10, None]]
    made.fault(20, "node1", "undone").fault(21, "node1", "healed")
    assert shown(made, 25)["fault/cut"]["to_s"] == 20
    assert "fault/cut" not in shown(made, 31)
    assert shown(made, 31)["bars/faults"] == [["cut", "node1", 10, 20]]
    assert shown(made, 20 + WINDOW_S)["bars/faults"] == []


def test_step_human_and_the_last_events_are_shown():
    made = Made().put(1, "step", name="wait", phase="begin").human(2, "types")
    for number in range(7):
        named = {"mode": "pull", "node": "node1", "container": f"c{number}"}
        made.put(3 + number, "event", type="placed", text="least loaded", **named)
    view = shown(made, 10)
    assert view["step"] == {"name": "wait", "phase": "begin", "at_s": 1}
    assert view["human"]["what"] == "types"
    events = [value for key, value in view.items() if key.startswith("event/")]
    assert [event["container"] for event in events] == ["c2", "c3", "c4", "c5", "c6"]
    assert events[0]["text"] == "placed: least loaded"


@pytest.mark.parametrize("make", [healed, lost])
def test_equal_records_give_equal_views_and_all_of_it_is_json(make):
    views = [shown(make(), 40) for _ in range(2)]
    assert json.dumps(views[0]) == json.dumps(views[1])


def test_an_api_that_was_not_asked_for_long_is_silent():
    made = heard(Made().claims(1, {}), 1)
    kinds = [one["kind"] for one in shown(made, 1.1 + STALE_S)["differs/pull"]]
    assert kinds == ["silent"]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("runs", {"mode": "pull", "node": "node1", "containers": 7}),
        ("claims", {"mode": "pull", "containers": [1], "running": [], "nodes": {}, "ok": True}),
        ("looked", {"machine": "node1", "until_s": "soon", "boot": "1"}),
        ("machine", {"machine": ["node1"], "state": {}}),
        ("begin", {"modes": 3, "nodes": []}),
        ("fault", {}),
    ],
)
def test_a_record_without_sense_is_damage_and_what_it_says_is_left_out(kind, fields):
    made = heard(Made().runs(1, "node1", "a"), 2)
    made.records.append(Record(kind, 2.0, 0.0, fields))
    view = shown(made.looked(3, "node1"), 3)
    if kind != "machine":  # any text may be a name
        assert [s[:16] for s in view["run"]["damage"]] == ["a record has fie"]
    assert view["runs/pull/node1"] == {"containers": ["a"], "known": True, "frozen": []}


def test_damage_is_named_up_to_a_point():
    show = Show(recorded=True, damage=["line 1: torn"])
    show.add(Made().records[0])
    for number in range(100):
        show.fold.spoil(f"line {number}")
    damage = show.view(0)["run"]["damage"]
    assert damage[0] == "line 1: torn"
    assert len(damage) < 30


def test_a_hostile_name_is_a_name():
    made = Made().wanted(1, HOSTILE).runs(1, "node1", HOSTILE)
    view = shown(heard(made, 2), 2)
    assert view["wanted/pull"] == [HOSTILE]
    assert view["runs/pull/node1"]["containers"] == [HOSTILE]


def test_a_delta_is_what_changed_and_what_is_gone():
    before, after = {"a": 1, "b": [2], "c": 3}, {"a": 1, "b": [3], "d": 4}
    changed, gone = delta(before, after)
    assert (changed, gone) == ({"b": [3], "d": 4}, ["c"])
    assert {**{k: v for k, v in before.items() if k not in gone}, **changed} == after
