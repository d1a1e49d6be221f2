"""Faults that act, over machines that remember what was done to them; the ledger; heal after it."""

import subprocess
import sys

import pytest

from lab.faults import ledger
from lab.faults.strike import strike
from lab.machines import remote
from services.core.errors import LabError
from tests.house.repository import ROOT

ID = "0a1b"
PHASES = ["intended", "acting", "acted", "bitten", "undone"]


@pytest.fixture
def history():
    return []


@pytest.fixture
def hit(lab, vms, history):
    """Hit nodes with a fault; its records go to the history."""

    def put(kind, **fields):
        assert kind == "fault"
        history.append(fields)

    def hit(fault, *nodes, for_s=None, say=lambda _: None, **options):
        machines = [lab.machine(node) for node in nodes]
        return strike(lab, fault, machines, options, for_s=for_s, seed=7, say=say, put=put)

    return hit


def commands(vms, name):
    return [" ".join(words) for words in vms[name].commands]


def at(vms, name, words):
    return next(i for i, line in enumerate(commands(vms, name)) if words in line)


def phases(history, target):
    return [record["phase"] for record in history if record["target"] == target]


def test_the_timer_is_armed_before_the_fault_acts_and_disarmed_after(hit, vms, history):
    struck = hit("partition", "node1", for_s=30)
    armed = at(vms, "node1", "systemd-run")
    (words,) = [line for line in commands(vms, "node1") if "systemd-run" in line]
    assert "--on-active=50s" in words
    assert words.endswith("sh -c nft delete table inet lab_fault_partition")
    assert armed < at(vms, "node1", "nft table inet")
    hurt = struck.hits[0].hurt
    struck.undo()
    assert f"systemctl stop lab-undo-{hurt.id}.timer" in commands(vms, "node1")
    assert phases(history, "node1") == PHASES
    assert {record["id"] for record in history} == {hurt.id}


def test_without_a_time_the_timer_has_ten_minutes(hit, vms):
    hit("partition", "node1")
    assert any("--on-active=600s" in line for line in commands(vms, "node1"))


def test_intent_is_on_disk_before_anything_acts(hit, vms, monkeypatch):
    books = []

    def run(machine, argv, **_):
        if argv[0] in ("nft", "systemd-run"):
            # Both may have begun within one millisecond.
            books.append(sorted(hurt.target for hurt in ledger.read().hurts))
        return ""

    monkeypatch.setattr(remote, "run", run)
    struck = hit("partition", "node1", "node2")
    assert books == [["node1", "node2"]] * 4
    struck.undo()
    assert ledger.read().hurts == ()


def test_undoing_twice_is_undoing_once(hit, vms, history):
    struck = hit("disk-full", "node1")
    struck.undo()
    done = len(vms["node1"].commands)
    struck.undo()
    assert len(vms["node1"].commands) == done
    assert phases(history, "node1") == PHASES


def test_what_heal_has_undone_is_not_undone_again_where_it_has_begun_again(hit, vms):
    first = hit("partition", "node1")
    ledger.remove(first.hits[0].hurt.id)  # as `lab heal` does
    second = hit("partition", "node1")
    done = len(vms["node1"].commands)
    first.undo()
    assert len(vms["node1"].commands) == done
    second.undo()
    assert len(vms["node1"].commands) > done


def test_the_timer_of_a_fault_that_ended_by_itself_does_not_end_the_next(hit, vms):
    first = hit("clock-step", "node1")
    hit("clock-step", "node1")
    timer = f"systemctl stop lab-undo-{first.hits[0].hurt.id}.timer"
    assert timer in commands(vms, "node1")


def test_what_a_person_could_type_is_said_before_it_acts(hit, vms):
    said = []
    hit("cut", "node1", say=lambda line: said.append((line, vms["node1"].state)))
    typed = "virsh --quiet --connect qemu:///system destroy pushpull_node1"
    assert said[0] == (typed, "running")


def test_an_effect_that_was_not_seen_is_said_so(hit, failing, history):
    failing.append('grep "packets')
    said: list[str] = []
    struck = hit("partition", "node1", "node2", say=said.append)
    assert not any(proof.so for proof in struck.proofs.values())
    assert phases(history, "node1") == ["intended", "acting", "acted", "unbitten"]
    assert "node1: partition acted, but no effect was seen" in "\n".join(said)
    assert len(ledger.read().hurts) == 2


@pytest.mark.parametrize("error", [KeyboardInterrupt(), LabError("it broke")])
def test_what_is_cut_short_is_undone(hit, vms, monkeypatch, history, error):
    def run(machine, argv, **more):
        if argv[0] == "nft" and argv[1].startswith("table"):
            raise error
        return vms.run(machine, argv, **more)

    monkeypatch.setattr(remote, "run", run)
    with pytest.raises(type(error)):
        hit("partition", "node1", "node2")
    for name in ("node1", "node2"):
        assert "nft delete table inet lab_fault_partition" in commands(vms, name)
    assert ledger.read().hurts == ()


def test_what_cannot_be_undone_stays_in_the_ledger_and_names_heal(hit, failing):
    struck = hit("partition", "node1")
    failing.append("! nft list")
    with pytest.raises(LabError, match="partition on node1") as left:
        struck.undo()
    assert left.value.hint == "lab heal"
    assert [hurt.fault for hurt in ledger.read().hurts] == ["partition"]


def test_a_kill_is_over_at_once(hit, vms, history):
    hit("kill-unit", "node1", unit="pull-agent.service")
    assert phases(history, "node1") == PHASES
    assert not any("systemd-run" in line for line in commands(vms, "node1"))
    assert ledger.read().hurts == ()


def test_where_a_fault_cannot_act_nothing_is_touched(hit, vms, failing):
    failing.append("systemctl is-active pull-agent.timer")
    with pytest.raises(LabError, match=r"pull-agent\.timer does not run on node1"):
        hit("stop-unit", "node1", "node2", unit="pull-agent.timer")
    for name in ("node1", "node2"):
        assert not any("stop" in line or "run" in line for line in commands(vms, name))
    assert ledger.read().hurts == ()


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ("off", "machine 'node1' is off: no partition can hurt it"),
        ("paused", "machine 'node1' is paused"),
        ("absent", "machine 'node1' does not exist"),
    ],
)
def test_a_machine_that_does_not_run_is_refused(hit, vms, state, error):
    vms["node1"].state = state
    with pytest.raises(LabError, match=error):
        hit("partition", "node1", "node2")
    assert vms["node2"].commands == []


def test_a_lab_that_is_down_is_refused(run, vms):
    for machine in vms.machines.values():
        machine.state = "absent"
    for words in (["partition", "node1"], ["stop-api"], ["corrupt", "one"], ["pause", "all"]):
        result = run("chaos", *words)
        assert result.exit_code == 1
        assert result.stderr.endswith("none of its VMs runs\nHint: lab up both\n")


def test_the_same_fault_twice_is_refused_until_it_is_gone(hit, failing, vms):
    first = hit("partition", "node1").hits[0].hurt
    failing.append("! nft list")
    with pytest.raises(LabError, match=rf"partition on node1 \({first.id}, .* acts already"):
        hit("partition", "node1")
    failing.clear()
    second = hit("partition", "node1").hits[0].hurt
    assert [hurt.id for hurt in ledger.read().hurts] == [second.id]


KILLED = """
import os, sys
from pathlib import Path
import pytest
from lab import paths
from lab.faults import ledger
from lab.faults.strike import strike, unrecorded
from provisioning import topology
from tests.lab.doubles import FakeLab

lab, vms = topology.load(), FakeLab(topology.load())
vms.install(pytest.MonkeyPatch())
ledger.folder = lambda: Path(sys.argv[1])
real = vms.run

def run(machine, argv, **more):
    if sys.argv[2] in " ".join(argv):
        os.kill(os.getpid(), 9)
    return real(machine, argv, **more)

from lab.machines import remote
remote.run = run
options = {"unit": "pull-agent.timer"}
strike(lab, "stop-unit", [lab.node("node1")], options, for_s=5, seed=1, say=print, put=unrecorded)
"""


@pytest.mark.parametrize("words", ["systemd-run", "systemctl stop pull-agent.timer", "! systemctl"])
def test_after_a_kill_heal_undoes_what_was_intended(vms, run, tmp_path, words):
    code = [sys.executable, "-c", KILLED, str(tmp_path / "faults"), words]
    killed = subprocess.run(code, cwd=ROOT, check=False, capture_output=True, text=True)
    assert killed.returncode == -9, killed.stderr
    (hurt,) = ledger.read().hurts
    assert (hurt.fault, hurt.target, hurt.options) == (
        "stop-unit", "node1", {"unit": "pull-agent.timer"},
    )  # fmt: skip
    result = run("heal")
    assert result.exit_code == 0, result.output
    assert f"node1: undid stop-unit ({hurt.id})" in result.stderr
    assert vms["node1"].units["pull-agent.timer"] == "active"
    assert ledger.read().hurts == ()
    assert "undid" not in run("heal").stderr
