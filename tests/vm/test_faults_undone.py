"""Every fault acts on a real machine, is seen, and leaves nothing: also where `lab` was killed."""

import signal

import pytest

from lab.faults import ledger, traces
from lab.faults.catalogue import CATALOGUE
from lab.faults.perform import perform
from lab.host.speed import deadline_s
from lab.machines import clocks, power, remote
from tests.vm.conftest import LAB, run, running

pytestmark = pytest.mark.vm

# Faults that can act together, in two rounds with one heal each.
INSIDE = [
    "partition node1 --from api",
    "slow-network node2 --delay 300ms",
    "clock-step node3 --by -90s",
    "stop-unit node1 --unit pull-agent.timer",
    "flap node2 --down 2s --up 2s",
    "corrupt node3 --name stray",
    "api-errors",
    "disk-full node3",
]
WHOLE = [
    "cache node2 --how truncated",
    "state-file",
    "api-slow --delay 500ms",
    "stop-api --mode push",
    "pause node1",
    "halt node2",
    "cut node3",
]
AT_ONCE = {"kill-unit", "kill-container"}


def look(lab, machine):
    return traces.listed(perform(lab, traces.look(machine.name)))


def clean(lab):
    """The machines all run, the units of the modes do, and none has a trace."""
    assert set(power.machine_states(lab).values()) == {"running"}
    assert {machine.name: look(lab, machine) for machine in lab.machines} == {
        machine.name: [] for machine in lab.machines
    }
    for machine, units in [
        (lab.api, ["push-api.service", "pull-api.service", "pull-scheduler.timer"]),
        *((node, ["pull-agent.timer"]) for node in lab.nodes),
    ]:
        remote.run(machine, ["systemctl", "is-active", *units], timeout_s=deadline_s(5))
    assert ledger.read() == ledger.Ledger((), ())
    assert clocks.wrong(lab.machines, timeout_s=deadline_s(5)) == {}


def test_every_fault_is_in_a_round():
    names = {line.split()[0] for line in (*INSIDE, *WHOLE)}
    assert names | AT_ONCE == CATALOGUE.keys()


@pytest.fixture
def acted(stage):
    """Begin faults, and kill `lab` in the middle of each once it was seen to bite."""

    def acted(faults):
        for line in faults:
            with running("chaos", *line.split(), "--for", "1h") as chaos:
                chaos.until("Ctrl-C ends it")
                assert "bites: " in chaos.said, chaos.said
                chaos.process.send_signal(signal.SIGKILL)
        hurts = ledger.read().hurts
        assert [hurt.fault for hurt in hurts] == [line.split()[0] for line in faults]
        return hurts

    return acted


def healed(lab, hurts):
    """Heal; what the ledger named is said to be undone, and there is no trace of anything."""
    said = run(*LAB, "heal").stderr
    assert all(f"undid {hurt.fault} ({hurt.id})" in said for hurt in hurts), said
    clean(lab)
    again = run(*LAB, "heal").stderr
    assert "undid" not in again
    assert "removed" not in again
    return said


def test_after_lab_was_killed_in_each_fault_heal_leaves_no_trace_with_or_without_a_ledger(
    acted, lab
):
    hurts = acted(INSIDE)
    for hurt in hurts[::2]:
        ledger.remove(hurt.id)
    remote.run(
        lab.node("node2"),
        ["systemctl", "freeze", "lab-clock-node.service"],
        timeout_s=deadline_s(5),
    )
    said = healed(lab, hurts[1::2])
    assert all(f"{node.name}: " in said for node in lab.nodes)
    assert "the freeze of lab-clock-node.service" in said


def test_after_lab_was_killed_in_faults_of_machines_and_of_what_is_stored_they_are_whole(
    stage, acted, lab
):
    stage.pull.declare("kept", "node2")
    stage.wait_running("pull", {"kept"})
    healed(lab, acted(WHOLE))


def test_a_machine_undoes_by_itself_what_nothing_else_undoes(stage, lab):
    node = lab.node("node1")
    with running("chaos", "partition", "node1", "--for", "1s") as chaos:
        chaos.until("Ctrl-C ends it")
        chaos.process.send_signal(signal.SIGKILL)
    (hurt,) = ledger.read().hurts
    assert set(look(lab, node)) == {
        ("table", "lab_fault_partition"),
        ("unit", f"lab-undo-{hurt.id}.timer"),
    }
    # Minutes under emulation: what the timer will do, done now.
    start = ["systemctl", "start", f"lab-undo-{hurt.id}.service"]
    remote.run(node, start, timeout_s=deadline_s(5))
    assert ("table", "lab_fault_partition") not in look(lab, node)
    assert "undid partition" in run(*LAB, "heal").stderr
    clean(lab)


def test_ctrl_c_undoes_and_a_kill_is_over_at_once(stage, lab):
    stage.pull.declare("kept", "node1")
    stage.wait_running("pull", {"kept"})
    with running("chaos", "partition", "node1", "--for", "1h") as chaos:
        chaos.until("Ctrl-C ends it")
        assert chaos.interrupt(signal.SIGINT) == 130
    assert ledger.read().hurts == ()
    for line in (
        "kill-container node1 --name kept --mode pull",
        "kill-unit api --unit push-api.service",
    ):
        assert "bites: " in run(*LAB, "chaos", *line.split()).stderr
    stage.wait_running("pull", {"kept"})
    stage.wait(lambda: stage.push.healthy(), "push's API runs again")
    clean(lab)
