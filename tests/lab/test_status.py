"""`lab status`, over machines and APIs in every state."""

import json

import pytest

from lab.planes.status import CONVERGED, compare

WEB = "pull-container@web.service"


def test_a_lab_that_is_not_up_says_so_and_how_to_get_one(run, vms):
    for machine in vms.machines.values():
        machine.state = "absent"
    result = run("status")
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: lab 'pushpull' is not up: none of its VMs runs\nHint: lab up both\n"
    )


def test_wanted_and_running_stand_side_by_side(run, vms, push_api, pull_api):
    pull_api[0]["GET /api/containers"] = (
        200,
        {
            "containers": [
                {"name": "web", "node": "node1", "running": True},
                {"name": "db", "node": "node2", "running": False},
                {"name": "new", "node": None, "running": False},
            ]
        },
    )
    vms["node1"].units = {WEB: "active", "pull-container@fake.service": "active"}
    vms["node2"].units = {"pull-container@db.service": "failed"}
    seen = json.loads(run("status", "--json").stdout)
    states = {row["node"]: row["state"] for row in seen["nodes"] if row["mode"] == "pull"}
    assert states == {
        "node1": "not wanted: fake",
        "node2": "missing db",
        "node3": CONVERGED,
    }
    assert seen["unplaced"] == ["new"]
    assert "placed nowhere yet: new" in run("status").stdout


def test_push_has_no_list_to_compare_with(run, vms, push_api, pull_api):
    vms["node1"].units = {"push-container@web.service": "active"}
    seen = json.loads(run("status", "--json").stdout)
    row = next(row for row in seen["nodes"] if (row["mode"], row["node"]) == ("push", "node1"))
    assert row["wanted"] is None
    assert row["running"] == ["web"]


def test_a_node_that_is_off_and_apis_that_are_silent_are_shown_as_such(run, vms, monkeypatch):
    monkeypatch.setenv("LAB_PUSH_PORT", "9")
    monkeypatch.setenv("LAB_PULL_PORT", "9")
    vms.cut("node1")
    result = run("status")
    assert result.exit_code == 0, result.output
    assert "node1    off" in result.stdout
    assert "push API http://127.0.0.1:9/containers does not answer" in result.stdout
    assert "API does not say what is wanted" in result.stdout
    assert "cannot be seen" in result.stdout


def test_a_machine_that_runs_but_does_not_answer_is_shown_as_such(run, vms, push_api, pull_api):
    vms["node3"].hangs = True
    result = run("status")
    assert result.exit_code == 0
    assert "node 'node3' did not answer" in result.stdout


@pytest.mark.parametrize(
    ("wanted", "running", "said"),
    [
        (["a", "b"], ["b", "a"], CONVERGED),
        (["a"], [], "missing a"),
        ([], ["x", "f"], "not wanted: f, x"),
        (["a"], ["x"], "missing a; not wanted: x"),
        (["a"], None, "cannot be seen"),
        (None, ["a"], "no list to compare with"),
    ],
)
def test_differences_in_words(wanted, running, said):
    assert compare(wanted, running) == said
