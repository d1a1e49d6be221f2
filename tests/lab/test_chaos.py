"""Chaos and heal, over machines that remember what was done to them."""

import pytest

from lab.faults.heal import wanted_modes
from lab.host import forward
from services.core.errors import LabError

APIS = ("push-api.service", "pull-api.service")
FAKES = {"push-container@fake.service", "pull-container@fake.service"}


def test_corrupting_hits_both_modes_with_one_command(run, vms):
    assert run("chaos", "corrupt", "node2").exit_code == 0
    assert vms["node2"].units.keys() >= FAKES
    starts = [words for words in vms["node2"].commands if "start" in words]
    assert len(starts) == 1


def test_corrupting_one_mode_leaves_the_other_alone(run, vms):
    run("chaos", "corrupt", "node2", "--mode", "push", "--name", "evil")
    assert vms["node2"].units == {"push-container@evil.service": "active"}


@pytest.mark.parametrize("name", ["../x", "a b", "$(reboot)", "x" * 64, "ünï"])
def test_a_name_that_is_no_label_reaches_no_machine(run, vms, name):
    result = run("chaos", "corrupt", "node1", "--name", name)
    assert result.exit_code == 1
    assert "is not an RFC 1123 label" in result.stderr
    assert vms["node1"].commands == []


def test_chaos_in_a_mode_that_is_off_is_refused(run, vms):
    del vms["api"].units["push.target"]
    result = run("chaos", "stop-api", "--mode", "push")
    assert result.exit_code == 1
    assert result.stderr.endswith(
        "Error: the lab runs without the mode 'push'\nHint: lab up push\n"
    )


def test_stop_api_takes_what_is_on(run, vms):
    del vms["api"].units["push.target"]
    vms["api"].units["pull-api.service"] = "active"
    run("chaos", "stop-api")
    assert vms["api"].units == {"pull.target": "active"}


def test_halting_and_starting_a_node(run, vms):
    assert run("chaos", "halt", "node3").exit_code == 0
    assert vms["node3"].state == "off"
    assert run("chaos", "start", "node3").exit_code == 0
    assert vms["node3"].state == "running"


@pytest.mark.parametrize(
    ("words", "how"),
    [([], "destroy"), (["--orderly"], "shutdown")],
    ids=["plug pulled", "shut down"],
)
def test_halting_pulls_the_plug_unless_asked_to_shut_down(run, vms, words, how):
    assert run("chaos", "halt", "node1", *words).exit_code == 0
    assert vms.virsh == [(how, "node1")]


@pytest.mark.parametrize("verb", ["halt", "start"])
def test_no_machine_to_halt_or_start_is_an_error_with_a_hint(run, vms, verb):
    vms["node1"].state = "absent"
    result = run("chaos", verb, "node1")
    said = "Error: machine 'node1' does not exist\nHint: lab up both\n"
    assert (result.exit_code, result.stderr.endswith(said)) == (1, True)
    for machine in vms.machines.values():
        machine.state = "absent"
    result = run("chaos", verb, "node1")
    assert result.exit_code == 1
    assert "is not up: none of its VMs runs\nHint: lab up both\n" in result.stderr


def test_what_runs_already_is_no_chaos_and_survives_heal(run, vms):
    mine = "push-container@web.service"
    vms["node1"].units = {mine: "active"}
    result = run("chaos", "corrupt", "node1", "--name", "web")
    assert "push: 'web' runs on node1 already" in result.stderr
    assert vms["node1"].units.keys() == {mine, "pull-container@web.service"}
    run("heal")
    assert vms["node1"].units.keys() == {mine, "push.target", "pull.target"}


def test_corrupting_twice_is_still_undone(run, vms):
    for _ in range(2):
        run("chaos", "corrupt", "node1", "--name", "evil")
    run("heal")
    assert not any("evil" in unit for unit in vms["node1"].units)


@pytest.mark.parametrize("command", ["heal", "demo"])
def test_help_says_that_fake_of_push_is_stopped(run, command):
    assert "`fake`" in run(command, "--help").output


def test_heal_undoes_everything_and_deletes_nothing_declared(run, vms):
    vms["node1"].units = {"push-container@web.service": "active"}
    run("chaos", "corrupt", "node1", "--name", "evil")
    run("chaos", "corrupt", "node2")
    run("chaos", "halt", "node3")
    run("chaos", "stop-api")
    result = run("heal")
    assert result.exit_code == 0, result.output
    containers = {unit for vm in vms.machines.values() for unit in vm.units if "container@" in unit}
    assert containers == {"push-container@web.service"}
    assert {vm.state for vm in vms.machines.values()} == {"running"}
    assert vms["api"].units.keys() >= {"push-api.service", "pull-api.service"}
    assert not any(vm.marks for vm in vms.machines.values())


def test_heal_on_a_healthy_lab_changes_nothing(run, vms):
    run("heal")
    before = {name: dict(vm.units) for name, vm in vms.machines.items()}
    assert run("heal").exit_code == 0
    assert {name: vm.units for name, vm in vms.machines.items()} == before


def test_a_machine_that_does_not_answer_is_told_after_the_others_are_mended(run, vms):
    run("chaos", "corrupt", "node2", "--name", "evil")
    run("chaos", "halt", "node3")
    run("chaos", "stop-api")
    vms["node1"].hangs = True
    result = run("heal")
    assert result.exit_code == 1
    assert "node 'node1' did not answer" in result.stderr
    assert vms["node3"].state == "running"
    assert vms["api"].units.keys() >= set(APIS)
    assert not any("evil" in unit for unit in vms["node2"].units)


def test_heal_without_a_lab_says_so(run, vms):
    for machine in vms.machines.values():
        machine.state = "absent"
    assert "is not up" in run("heal").stderr


def test_a_mode_counts_when_it_is_active_or_will_be_after_the_boot():
    shown = (
        "Id=push.target\nActiveState=inactive\nUnitFileState=enabled\n\n"
        "Id=pull.target\nActiveState=inactive\nUnitFileState=disabled\n"
    )
    assert wanted_modes(shown) == ["push"]
    assert wanted_modes(shown.replace("inactive", "active")) == ["push", "pull"]


def test_heal_has_the_apis_answer_on_localhost_again(run, vms, push_api, pull_api):
    vms.forwarder_runs = False
    assert "listen on localhost for push, pull: the process that" in run("heal").stderr
    assert vms.forwarder_runs
    assert "localhost" not in run("heal").stderr


def test_heal_mends_the_machines_where_a_port_of_localhost_is_taken(run, vms, monkeypatch):
    def taken(_):
        raise LabError("port 8080 of localhost is taken")

    monkeypatch.setattr(forward, "ensure", taken)
    vms.forwarder_runs = False
    vms["node1"].state = "off"
    result = run("heal")
    assert result.exit_code == 1
    assert "Error: port 8080 of localhost is taken" in result.stderr
    assert vms["node1"].state == "running"
