"""`lab status`, over machines and APIs in every state."""

import json
import threading

import pytest

from lab.machines import remote
from lab.planes import survey
from lab.planes.status import CONVERGED, compare
from provisioning import topology

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


def test_every_machine_is_asked_once(run, vms, push_api, pull_api, monkeypatch):
    """A login costs an emulated machine more than what is asked of it."""
    asked = []

    def ask(machine, argv, **more):
        asked.append(machine.name)
        return vms.run(machine, argv, **more)

    monkeypatch.setattr(remote, "run", ask)
    assert run("status").exit_code == 0
    assert sorted(asked) == sorted(vms.machines)


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
    assert "refused (lab heal " in result.stdout
    assert "API does not say what is wanted" in result.stdout
    assert "cannot be seen" in result.stdout


def test_a_machine_that_runs_but_does_not_answer_is_shown_as_such(run, vms, push_api, pull_api):
    vms["node3"].hangs = True
    result = run("status")
    assert result.exit_code == 0
    assert "node 'node3' did not answer" in result.stdout


def test_libvirt_that_hangs_is_named_and_the_rest_is_shown(run, vms, push_api, pull_api):
    vms.libvirt_hangs = True
    vms["node1"].units = {WEB: "active"}
    result = run("status")
    assert result.exit_code == 0, result.output
    said = "libvirt does not say which machines run: virsh failed with exit code 124: no end within"
    assert said in result.stdout
    assert "node1    unknown" in result.stdout
    assert "not wanted: web" in result.stdout


def test_libvirt_that_hangs_over_a_lab_that_is_silent_is_the_error(run, vms, push_api, pull_api):
    vms.libvirt_hangs = True
    for machine in vms.machines.values():
        machine.hangs = True
    result = run("status")
    assert result.exit_code == 1
    assert "Error: virsh failed" in result.stderr
    assert "Hint: " in result.stderr


def test_what_takes_long_is_named_once_while_it_is_waited_for(
    run, vms, push_api, pull_api, monkeypatch
):
    monkeypatch.setattr(survey, "_PATIENCE_S", 0.05)
    said = threading.Event()
    monkeypatch.setattr(vms["node3"], "run", lambda argv: said.wait(20) and "")
    seen = []

    def say(line):
        seen.append(line)
        if "node3" in line:
            threading.Timer(0.3, said.set).start()

    survey.take(topology.load(), say)
    assert [line for line in seen if "node3" in line] == ["waiting for node3"]


@pytest.mark.parametrize("name", ["node2", "api"])
def test_a_paused_machine_is_called_paused_with_its_remedy(run, vms, push_api, pull_api, name):
    vms[name].state = "paused"
    result = run("status")
    assert result.exit_code == 0
    assert f"{name:<5}    paused   lab heal lets it go on" in result.stdout
    apis = [seen for _, seen in (push_api, pull_api)]
    # A paused machine accepts connections and answers none.
    assert all(bool(seen) is (name != "api") for seen in apis)


def test_a_lab_of_paused_machines_is_not_called_down(run, vms):
    for machine in vms.machines.values():
        machine.state = "paused"
    result = run("status")
    assert result.exit_code == 0
    assert result.stdout.count("lab heal lets it go on") == 4


def test_copies_are_counted_where_they_are_not_one(run, vms, push_api, pull_api):
    pull_api[0]["GET /api/containers"] = (
        200,
        {"containers": [{"name": n, "node": "node1"} for n in ("web", "db", "one")]},
    )
    vms["node1"].units = {WEB: "active", "pull-container@one.service": "active"}
    vms["node2"].units = {WEB: "active", "push-container@fake.service": "active"}
    assert "copies in pull, where not one: db none, web 2" in run("status").stdout
    vms.cut("node3")
    assert json.loads(run("status", "--json").stdout)["copies"] == {
        "push": {},
        "pull": {"db": 0, "web": 2},
    }
    vms["node3"].state, vms["node3"].hangs = "running", True
    # It may run where nobody can look.
    assert json.loads(run("status", "--json").stdout)["copies"]["pull"] == {"web": 2}


def test_what_was_ordered_and_runs_nowhere_comes_from_pushs_log(run, vms, push_api, pull_api):
    vms["api"].journal = [
        ("push-api.service", line)
        for line in (
            "Started push-api.service - Push API.",
            "start web: started on node1",
            "start gone: started on node1",
            "start never: cannot reach node 'node3'",
            "start ended: started on node2",
            "stop ended: stopped on node2",
        )
    ]
    vms["node1"].units = {"push-container@web.service": "active"}
    shown = run("status").stdout
    assert "ordered from push, and no node that answers runs it: gone, never (from the log" in shown
    assert json.loads(run("status", "--json").stdout)["ordered_not_running"] == ["gone", "never"]


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


def test_a_clock_that_is_wrong_is_named_with_the_remedy(run, vms, push_api, pull_api):
    vms["api"].ahead_s, vms["node1"].ahead_s, vms["node2"].ahead_s = -46.0, 30.0, 0.3
    assert "api: clock 46.0 s behind, node1: clock 30.0 s ahead; lab heal" in run("status").stdout
    found = json.loads(run("status", "--json").stdout)["clocks_ahead_s"]
    assert {name: round(ahead_s) for name, ahead_s in found.items()} == {"api": -46, "node1": 30}


def test_machines_that_are_off_are_named_with_a_remedy_that_loses_nothing(run, vms):
    for machine in vms.machines.values():
        machine.state = "off"
    said = run("status").stderr
    assert "api is off" in said
    assert "Hint: lab heal\n" in said
