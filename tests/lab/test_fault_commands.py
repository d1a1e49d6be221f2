"""The commands of faults: how long they last, whom they hit, and what they say."""

import re
from contextlib import ExitStack
from threading import Timer
from types import SimpleNamespace

import pytest

from lab.bringup import bringup
from lab.cli import INTERRUPTED
from lab.commands import faults
from lab.faults import ledger
from lab.faults.catalogue import CATALOGUE
from lab.machines import power
from lab.terminal import lock


def test_with_a_time_a_fault_is_undone_when_it_is_over(run, vms):
    result = run("chaos", "partition", "node1", "--for", "0s")
    assert result.exit_code == 0, result.output
    assert ["nft", "delete", "table", "inet", "lab_fault_partition"] in vms["node1"].commands
    assert ledger.read().hurts == ()


def test_ctrl_c_undoes_a_fault_that_has_a_time(run, vms, monkeypatch):
    def sleep(_):
        assert [hurt.target for hurt in ledger.read().hurts] == ["node1"]
        raise KeyboardInterrupt

    monkeypatch.setattr(faults, "time", SimpleNamespace(sleep=sleep))
    assert run("chaos", "pause", "node1", "--for", "1h").exit_code == INTERRUPTED
    assert vms.virsh == [("suspend", "node1"), ("resume", "node1")]
    assert ledger.read().hurts == ()


def test_the_end_of_a_fault_waits_for_the_lock_that_another_command_has(run, vms, monkeypatch):
    with ExitStack() as stack:

        def sleep(_):
            stack.enter_context(lock.locked("another"))
            Timer(0.3, stack.close).start()

        monkeypatch.setattr(faults, "time", SimpleNamespace(sleep=sleep))
        result = run("chaos", "pause", "node1", "--for", "1s")
    assert result.exit_code == 0, result.output
    assert vms["node1"].state == "running"


def test_without_a_time_a_fault_stays_and_names_the_remedy(run, vms):
    result = run("chaos", "disk-full", "node3")
    (hurt,) = ledger.read().hurts
    assert result.stdout == f"disk-full acts on node3 ({hurt.id}) until `lab heal`\n"


def test_what_was_drawn_is_printed_with_a_seed_that_draws_it_again(run, vms):
    said = run("chaos", "pause", "minority").stderr
    found = re.search(r"minority is (node\d) \(--seed (\d+)\)", said)
    assert found, said
    drawn, seed = found.groups()
    assert vms.virsh == [("suspend", drawn)]
    run("heal")
    run("chaos", "pause", "minority", "--seed", seed)
    assert vms.virsh[-1] == ("suspend", drawn)


def test_the_busiest_node_has_the_most_containers(run, vms):
    vms["node2"].units = {f"pull-container@web{n}.service": "active" for n in range(3)}
    vms["node1"].units = {f"push-container@web{n}.service": "active" for n in range(2)}
    run("chaos", "pause", "busiest")
    assert vms.virsh == [("suspend", "node2")]


def test_a_dry_run_prints_what_it_would_do_and_touches_nothing(run, vms):
    result = run("chaos", "partition", "node1", "--dry-run")
    titles = [line.split()[0] for line in result.stdout.splitlines()]
    assert titles == ["act", "seen", "undo"]
    assert all(vm.commands == [] for vm in vms.machines.values())


def test_every_fault_is_listed_and_helps_with_an_example(run):
    listed = run("chaos", "list").stdout
    for name in CATALOGUE:
        assert f"\n{name} " in listed
        assert f"lab chaos {name}" in run("chaos", name, "--help").output


def test_a_new_chaos_says_what_should_have_ended(run, vms):
    run("chaos", "pause", "node1")
    (hurt,) = ledger.read().hurts
    ledger.write(hurt._replace(until_s=1.0))
    said = run("chaos", "disk-full", "node2").stderr
    assert f"should have ended by now: pause on node1 ({hurt.id}" in said


@pytest.mark.parametrize("words", [("chaos", "start", "node1"), ("up", "both")])
def test_a_machine_that_runs_again_is_no_fault_any_more(run, vms, monkeypatch, words):
    monkeypatch.setattr(bringup, "up", lambda *_, **__: vms.start("node1"))
    run("chaos", "cut", "node1")
    assert run(*words).exit_code == 0
    assert ledger.read().hurts == ()


def test_with_the_machines_their_faults_are_gone(run, vms, monkeypatch):
    monkeypatch.setattr(bringup, "down", lambda _: None)
    run("chaos", "cut", "node1")
    run("down")
    assert ledger.read().hurts == ()


def test_a_node_that_is_off_is_named_before_it_is_asked_anything(run, vms):
    vms["node1"].state = "off"
    said = run("chaos", "corrupt", "node1").stderr
    assert (
        "Error: machine 'node1' is off: no corrupt can hurt it\nHint: lab heal boots it\n" in said
    )
    assert vms["node1"].commands == []


def test_the_lab_is_looked_at_once_before_a_fault_acts(run, vms, monkeypatch):
    looks, states = [], power.machine_states

    def look(topology):
        looks.append(topology)
        return states(topology)

    monkeypatch.setattr(power, "machine_states", look)
    assert run("chaos", "partition", "node1").exit_code == 0
    assert len(looks) == 1


@pytest.mark.parametrize(
    ("words", "machine", "times"),
    [
        ("stop-api", "api", []),
        ("corrupt node1", "node1", []),
        ("corrupt node1 --for 0s", "node1", ["20s"]),
    ],
)
def test_what_a_lesson_begins_with_ends_by_itself_only_if_it_has_a_time(
    run, vms, words, machine, times
):
    assert run("chaos", *words.split()).exit_code == 0
    typed = "\n".join(" ".join(command) for command in vms[machine].commands)
    assert re.findall(r"--on-active=(\d+s)", typed) == times
    told = run("chaos", words.split()[0], "--help").output
    assert "stays until `lab heal`." in told
