"""Faults that act, over machines that remember what was done to them; the ledger; heal after it."""

import json
import os
import subprocess
import sys

import pytest

from lab.faults import heal as healing
from lab.faults import ledger, mend, perform
from lab.faults import strike as striking
from lab.faults.ledger import Hurt
from lab.faults.plan import Command
from lab.faults.strike import strike
from lab.machines import remote
from services.core.errors import CommandFailed, LabError
from tests.house.repository import ROOT

ID = "0a1b"
PHASES = ["intended", "acted", "bitten", "undone"]


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


@pytest.fixture
def failing(vms, monkeypatch):
    """Have commands that contain some words end with an error; looks do not wait."""
    words: list[str] = []

    def run(machine, argv, **more):
        if any(word in " ".join(argv) for word in words):
            raise CommandFailed(machine.name, argv[0], 1, "")
        return vms.run(machine, argv, **more)

    monkeypatch.setattr(remote, "run", run)
    for module in (mend, perform, striking):
        monkeypatch.setattr(module, "deadline_s", lambda _: 0.0)
    return words


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
    assert "--on-active=40s" in words
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
            books.append([hurt.target for hurt in ledger.read().hurts])
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
    assert phases(history, "node1") == ["intended", "acted", "unbitten"]
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


def hurt(**more):
    plain = {
        "id": ID,
        "fault": "partition",
        "target": "node1",
        "options": {"from": "api"},
        "seed": 1,
        "undo": (Command("node1", ("nft", "delete")),),
        "gone": (Command("node1", ("true",)),),
        "began": "2026-01-01T00:00:00.000+00:00",
        "boot_s": 5.5,
        "until_s": None,
    }
    return Hurt(**{**plain, **more})


def file(text=None):
    path = ledger.folder() / f"{ID}.json"
    if text is not None:
        path.write_text(text)
    return path


def test_what_is_written_is_read(vms):
    for one in (hurt(), hurt(id="ffff", until_s=9.5)):
        ledger.write(one)
        assert one in ledger.read().hurts
    ledger.remove(ID)
    ledger.remove(ID)
    assert [one.id for one in ledger.read().hurts] == ["ffff"]
    ledger.clear()
    assert list(ledger.folder().iterdir()) == []


def test_fields_of_a_newer_version_say_nothing(vms):
    ledger.write(hurt())
    file(json.dumps({**json.loads(file().read_text()), "colour": "red"}))
    assert ledger.read().hurts == (hurt(),)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "NaN", '{"id": "0a1b"}', '{"id": "beef"}', "\0\0"]
)
def test_a_torn_entry_is_named_and_goes_once_the_machines_are_clean(vms, run, text):
    ledger.write(hurt())
    file(text)
    assert ledger.read() == ledger.Ledger((), (file(),))
    result = run("heal")
    assert f"{file()} could not be read, and is deleted" in result.stderr
    assert not file().exists()


def test_a_torn_entry_stays_while_a_machine_may_have_a_trace(vms, run):
    ledger.write(hurt())
    file("{")
    vms["node1"].hangs = True
    assert run("heal").exit_code == 1
    assert file().exists()


def test_what_is_no_entry_is_left_alone(vms, run):
    ledger.write(hurt())
    (ledger.folder() / "notes.txt").write_text("mine")
    run("heal")
    assert [path.name for path in ledger.folder().iterdir()] == ["notes.txt"]


def test_an_entry_of_a_machine_that_the_topology_lost_goes(vms, run):
    ledger.write(hurt(target="node9", gone=(Command("node9", ("true",)),)))
    assert run("heal").exit_code == 0
    assert ledger.read().hurts == ()


def test_a_half_written_entry_is_none(vms, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("no space")))
    with pytest.raises(OSError, match="no space"):
        ledger.write(hurt())
    assert ledger.read() == ledger.Ledger((), ())


def test_heal_finds_traces_that_no_ledger_names_and_is_silent_without(vms, run):
    vms["node2"].traces = [
        "table lab_fault_partition",
        "queue eth1",
        "file /var/lib/lab-fault.filler",
    ]
    result = run("heal")
    removed = "the nftables table lab_fault_partition, the delay of eth1, "
    removed += "/var/lib/lab-fault.filler"
    assert f"node2: removed {removed}" in result.stderr
    assert "node1: removed" not in result.stderr
    assert vms["node2"].traces == []
    assert "removed" not in run("heal").stderr


def test_a_trace_that_stays_is_an_error_and_the_services_start_all_the_same(vms, run):
    vms["node1"].traces = ["table lab_fault_odd", "unit lab-fault-flap.service"]
    result = run("heal")
    assert result.exit_code == 1
    assert "node1 still has lab-fault-flap.service" in result.stderr
    assert vms["node1"].units["pull.target"] == "active"


def test_heal_puts_what_it_healed_into_a_history(lab, vms):
    ledger.write(hurt())
    records = []
    healing.heal(lab, lambda _: None, lambda kind, **fields: records.append((kind, fields)))
    assert [(kind, fields["id"], fields["phase"]) for kind, fields in records] == [
        ("fault", ID, "healed")
    ]


def test_what_is_overdue_is_said_and_what_went_by_itself_is_forgotten(lab, vms, failing):
    said: list[str] = []
    ledger.write(hurt(until_s=1.0))
    mend.remind(said.append)
    assert "should have ended by now: partition on node1" in said[0]
    failing.append("true")
    mend.settle(lab, said.append)
    assert "still there: partition on node1" in said[1]
    failing.clear()
    mend.settle(lab, said.append)
    assert ledger.read().hurts == ()
