"""What `lab heal` decides, and what it does where a machine cannot be mended."""

import os
import time

import pytest

from lab.bringup import look
from lab.bringup.plan import Act
from lab.faults.heal import Harm, decide
from lab.host import console, daemons, settings
from lab.machines import clocks, power
from lab.snapshot import store
from lab.waiting import TookTooLong

ALL = ("api", "node1", "node2")
RUNNING = dict.fromkeys(ALL, "running")
ALWAYS = [Act.SWEEP, Act.START, Act.CLOCKS]


@pytest.mark.parametrize(
    ("harm", "acts"),
    [
        pytest.param(Harm(RUNNING), [Act.REACH, *ALWAYS], id="all run"),
        pytest.param(
            Harm({"api": "off", "node1": "paused", "node2": "absent"}),
            [Act.GIVE_UP, Act.BOOT, Act.RESUME, *ALWAYS],
            id="each machine gets what its state asks for",
        ),
        pytest.param(
            Harm(RUNNING, libvirt=False, ports=False, left=["/x/.part-one-1"]),
            [Act.LIBVIRT, Act.TIDY, Act.REACH, *ALWAYS, Act.PORTS],
            id="a daemon, the forwarder and a save were killed",
        ),
    ],
)
def test_steps(harm, acts):
    assert [step.act for step in decide(harm)] == acts


def test_what_does_not_exist_is_left_out_of_every_other_step():
    steps = {step.act: step.names for step in decide(Harm(RUNNING | {"node1": "absent"}))}
    assert steps[Act.GIVE_UP] == ("node1",)
    assert steps[Act.START] == steps[Act.CLOCKS] == steps[Act.SWEEP] == ("api", "node2")


def test_an_absent_machine_is_named_first_and_nothing_waits_for_it(run, vms):
    vms["node1"].state, vms["node2"].state = "absent", "off"
    result = run("heal")
    assert result.exit_code == 1
    assert "leave alone node1: absent" in result.stderr
    assert vms["node1"].commands == []
    assert vms["node2"].state == "running"
    assert "machine 'node1' does not exist\nHint: lab up both\n" in result.stderr
    assert "lab down" not in result.stderr


def test_a_machine_that_hangs_has_a_remedy_that_touches_no_other(run, vms, monkeypatch):
    def start(name):
        raise TookTooLong(f"{name} answers over SSH", 20, False, "")

    monkeypatch.setattr(power, "start", start)
    vms["node1"].hangs = True
    result = run("heal")
    assert "node1 does not answer; waiting" in result.stderr
    assert "Hint: lab chaos cut node1 && lab heal\n" in result.stderr
    assert "lab down" not in result.stderr
    assert "console" not in result.stderr


@pytest.mark.parametrize("age_s", [3600, 0], ids=["printed long ago", "prints now"])
def test_a_machine_whose_console_is_silent_is_not_booting(run, vms, monkeypatch, tmp_path, age_s):
    monkeypatch.setattr(console, "file", lambda name: tmp_path / name)
    (tmp_path / "node1").touch()
    at_s = time.time() - age_s
    os.utime(tmp_path / "node1", (at_s, at_s))
    vms["node1"].hangs = True
    result = run("heal")
    assert ("node1 does not answer; waiting" in result.stderr) is (age_s == 0)
    assert ("machine 'node1' runs, but does not answer" in result.stderr) is (age_s > 0)


def test_all_that_cannot_be_mended_is_named_with_each_remedy_once(run, vms):
    vms["node1"].state = vms["node2"].state = "absent"
    result = run("heal")
    assert "machine 'node1' does not exist; machine 'node2' does not exist" in result.stderr
    assert result.stderr.count("Hint: lab up both") == 1


def test_what_a_killed_save_left_is_deleted(run, vms, monkeypatch, tmp_path):
    left = tmp_path / ".part-half-0"
    left.mkdir()
    monkeypatch.setattr(store, "CHAPTERS", tmp_path)
    assert run("heal", "--dry-run").stdout.count(str(left)) == 1
    assert left.exists()
    run("heal")
    assert not left.exists()


def test_a_libvirt_that_ended_starts_again_before_the_machines_are_asked(run, vms, monkeypatch):
    done, complete = [], [False]

    def ensure(space):
        done.append(space)
        complete[0] = True

    monkeypatch.setattr(daemons, "complete", lambda _: complete[0])
    monkeypatch.setattr(daemons, "ensure", ensure)
    monkeypatch.setattr(settings, "namespace_of", lambda _: "space")
    monkeypatch.setattr(look, "states", lambda _: vms.machine_states(None))
    result = run("heal")
    assert (result.exit_code, done) == (0, ["space"])
    assert "start libvirt: a daemon of the lab's own has ended" in result.stderr


@pytest.mark.parametrize(
    ("clock_s", "ahead_s"),
    [(100.2, 0.0), (99.0, -1.0), (103.0, 1.0)],
    ids=["between question and answer", "behind", "ahead"],
)
def test_a_clock_is_wrong_by_what_the_way_there_does_not_explain(clock_s, ahead_s):
    assert clocks.least_s(clock_s, 100.0, 102.0) == pytest.approx(ahead_s)


def test_only_clocks_that_are_far_off_are_reported(lab, monkeypatch):
    answers = {"api": -46.0, "node1": 0.4, "node2": 0.6, "node3": 0.0}
    monkeypatch.setattr(clocks, "_ahead_s", lambda machine, _: answers[machine.name])
    found = clocks.wrong(lab.machines, timeout_s=1)
    assert found == {"api": -46.0, "node2": 0.6}
    assert clocks.words(found["api"]) == "clock 46.0 s behind"
