"""The ledger of faults, and what `lab heal` makes of it and of what it does not name."""

import json
import os

import pytest

from lab.faults import heal as healing
from lab.faults import ledger, mend
from lab.faults.ledger import Hurt
from lab.faults.plan import Command
from lab.snapshot import saving

ID = "0a1b"


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


def test_a_copy_under_another_name_is_no_second_entry(vms):
    ledger.write(hurt())
    copy = ledger.folder() / "copy.json"
    copy.write_text(file().read_text())
    assert ledger.read() == ledger.Ledger((hurt(),), (copy,))


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
    assert "node1: " not in result.stderr
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
    ledger.write(hurt(id="ffff", until_s=9e9))
    mend.remind(said.append)
    ledger.remove("ffff")
    assert len(said) == 1
    assert "should have ended by now: partition on node1" in said[0]
    failing.append("true")
    mend.settle(lab, said.append)
    assert "still there: partition on node1" in said[1]
    failing.clear()
    mend.settle(lab, said.append)
    assert ledger.read().hurts == ()


@pytest.mark.parametrize("command", [("freeze",), ("chapter", "save", "of-a-test")])
def test_a_save_says_which_faults_every_thaw_of_it_has(vms, run, failing, monkeypatch, command):
    saved = []
    monkeypatch.setattr(saving, "save", lambda labs, name, *_: saved.append(name))
    ledger.write(hurt())
    failing.append("true")
    warning = "saved, too, and back after each thaw: partition on node1"
    assert warning in run(*command).stderr
    failing.clear()
    # It went by itself.
    assert "saved, too" not in run(*command).stderr
    assert len(saved) == 2
