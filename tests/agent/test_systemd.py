"""The agent's hands, on a folder that looks like a node and with a systemctl that changes it."""

import re

import pytest

from services.agent import systemd as module
from services.agent.systemd import Systemd
from services.core.errors import LabError
from services.core.model import Act, Container, Desired, Task, UnitState
from services.core.reconcile import MISSING, STALE, UNWANTED, reconcile
from tests.fakes import FakeNode


@pytest.fixture
def node(tmp_path):
    return FakeNode(tmp_path / "node")


@pytest.fixture
def systemd(node):
    return Systemd(str(node.root), str(node.systemctl))


def start(name, image="demo", reason=MISSING):
    return Task(Act.START, Container(name, image), reason)


def stop(name, reason=UNWANTED):
    return Task(Act.STOP, Container(name), reason)


def test_a_node_that_never_ran_anything_has_no_slice(systemd):
    assert systemd.observed() == {}


def test_what_is_started_is_seen_with_its_image(systemd, node):
    systemd.perform([start("a"), start("my-app", "nginx")])
    assert systemd.observed() == {
        "a": UnitState("demo", ready=True),
        "my-app": UnitState("nginx", ready=True),
    }
    assert node.env("my-app").read_text() == "LAB_IMAGE=nginx\nLAB_CREATED=0\n"


def test_what_is_started_is_seen_with_its_declaration(node):
    systemd = Systemd(str(node.root), str(node.systemctl), patience_s=60)
    systemd.perform([Task(Act.START, Container("a", created=17), MISSING)])
    assert systemd.observed() == {"a": UnitState("demo", ready=True, created=17)}
    node.crash("a")  # or systemd has not begun
    assert systemd.observed()["a"].created == 17


def test_a_container_is_ready_once_it_says_so(systemd, node):
    node.mark("slow", "a")
    systemd.perform([start("a")])
    assert systemd.observed() == {"a": UnitState("demo", ready=False)}
    (node.root / "run/pull-container/a/ready").touch()
    assert systemd.observed() == {"a": UnitState("demo", ready=True)}


def test_a_container_that_ends_at_once_is_not_there_and_its_start_was_no_error(systemd, node):
    node.mark("failing", "a")
    systemd.perform([start("a"), start("b")])
    assert systemd.observed().keys() == {"b"}


def test_only_units_with_processes_count(systemd, node):
    systemd.perform([start("a"), start("b")])
    (node.cgroup("a") / "cgroup.events").write_text("populated 0\nfrozen 0\n")
    (node.cgroup("b") / "cgroup.events").unlink()  # it ended between listing and reading
    assert systemd.observed() == {}


def test_a_look_spawns_nothing_and_reads_images_only_when_something_changed(
    systemd, node, monkeypatch
):
    node.mark("slow", "b")
    systemd.perform([start("a"), start("b")])
    calls = len(node.calls())
    both = {"a": UnitState("demo", ready=True), "b": UnitState("demo", ready=False)}
    assert systemd.observed() == both
    with monkeypatch.context() as patch:
        patch.setattr(systemd, "_state", lambda *_: pytest.fail("looked closer"))
        assert systemd.observed() == both
    node.get_ready("b")
    assert systemd.observed()["b"].ready
    node.crash("a")
    assert systemd.observed().keys() == {"b"}
    assert len(node.calls()) == calls


def test_only_containers_count(systemd, node):
    node.start_by_hand("a")
    for other in ("cgroup.procs.d", "sshd.service", "pull-container@a.scope", "pull-container@"):
        (node.cgroup("a").parent / other).mkdir()
    assert list(systemd.observed()) == ["a"]


def test_what_a_hand_started_is_seen_and_stopped_whatever_its_name(systemd, node):
    for name in ("fake", "Not-A-Label", "a\\x2db"):
        node.start_by_hand(name)
    systemd.perform(reconcile(Desired({}), systemd.observed()))
    assert systemd.observed() == {}


def test_a_pass_calls_systemctl_once_an_act_and_waits_for_neither(systemd, node):
    node.start_by_hand("x")
    node.start_by_hand("y")
    systemd.perform([stop("x"), stop("y"), start("a"), start("b")])
    assert node.calls()[2:] == [
        "stop --no-block pull-container@x.service pull-container@y.service",
        "start --no-block pull-container@a.service pull-container@b.service",
    ]


def test_a_stop_before_a_start_of_the_same_unit_is_waited_for(systemd, node):
    systemd.perform([start("a")])
    systemd.perform([stop("a", STALE), start("a", "nginx", STALE)])
    assert node.calls()[1:] == [
        "stop pull-container@a.service",
        "start --no-block pull-container@a.service",
    ]
    assert systemd.observed() == {"a": UnitState("nginx", ready=True)}


def test_a_new_image_is_not_written_while_the_old_one_runs(systemd, node):
    systemd.perform([start("a")])
    node.refuse()
    with pytest.raises(LabError):
        systemd.perform([stop("a", STALE), start("a", "nginx", STALE)])
    assert systemd.observed() == {"a": UnitState("demo", ready=True)}


def test_a_stopped_container_leaves_no_image_for_the_next_of_its_name(systemd, node):
    systemd.perform([start("a", "nginx")])
    systemd.perform([stop("a")])
    node.start_by_hand("a")
    assert systemd.observed() == {"a": UnitState("demo", ready=True)}


def test_a_refusal_is_told_after_everything_was_tried(systemd, node):
    node.start_by_hand("x")
    node.refuse()
    with pytest.raises(LabError) as caught:
        systemd.perform([stop("x"), start("a")])
    assert "stop --no-block pull-container@x.service: exit code 1" in str(caught.value)
    assert len(node.calls()) == 3


def test_a_file_that_cannot_be_written_keeps_no_other_container_from_starting(systemd, node):
    node.env("b").mkdir(parents=True)
    with pytest.raises(LabError, match=r"b\.env: Is a directory") as caught:
        systemd.perform([start("a"), start("b"), start("c")])
    assert caught.value.hint
    assert systemd.observed().keys() == {"a", "c"}


def test_a_file_that_cannot_be_removed_keeps_no_container_from_stopping(systemd, node):
    node.start_by_hand("x")
    node.env("x").mkdir(parents=True)
    systemd.perform([stop("x"), start("a")])
    assert systemd.observed().keys() == {"a"}


def test_a_systemctl_that_is_not_there_is_told(node):
    with pytest.raises(LabError, match="No such file"):
        Systemd(str(node.root), "/no/systemctl").perform([start("a")])


def test_a_systemctl_that_hangs_is_given_up(node, systemd, monkeypatch):
    node.systemctl.write_text("#!/bin/sh\nexec sleep 600\n")
    monkeypatch.setattr(module, "_SYSTEMCTL_LIMIT_S", 0.05)
    with pytest.raises(LabError, match="no answer within"):
        systemd.perform([start("a")])


def test_names_reach_systemctl_as_they_are(systemd, node):
    """No shell between: the unit's name is one argument, whatever is in it."""
    for name in ("$(reboot)", "a b", "; true"):
        node.cgroup(name).mkdir(parents=True)
        (node.cgroup(name) / "cgroup.events").write_text("populated 1\n")
    systemd.perform(reconcile(Desired({}), systemd.observed()))
    assert systemd.observed() == {}
    assert re.search(r"\$\(reboot\)", node.calls()[0])


class Patient(Systemd):
    """Remembers jobs for a second; its clock is at_s."""

    at_s = 10.0

    def __init__(self, node):
        super().__init__(
            str(node.root), str(node.systemctl), patience_s=1.0, now_s=lambda: self.at_s
        )


@pytest.fixture
def patient(node):
    return Patient(node)


STARTS = UnitState("nginx", ready=False, job=Act.START)


def test_what_may_start_any_moment_is_there_but_not_ready(patient, node):
    node.queues()
    patient.perform([start("a", "nginx")])
    patient.at_s += 0.9
    assert (patient.observed(), patient.busy) == ({"a": STARTS}, True)
    node.work()
    assert (patient.observed(), patient.busy) == ({"a": UnitState("nginx", ready=True)}, False)


def test_what_did_not_start_in_time_is_not_there(patient, node):
    node.mark("failing", "a")
    patient.perform([start("a", "nginx")])
    assert patient.observed() == {"a": STARTS}
    patient.at_s += 1.0
    assert (patient.observed(), patient.busy) == ({}, False)


def test_what_was_stopped_since_starts_no_more(patient, node):
    node.queues()
    patient.perform([start("a", "nginx")])
    patient.perform([stop("a")])
    assert patient.observed() == {}


def test_what_is_about_to_stop_says_so_until_it_takes_too_long(patient, node):
    node.start_by_hand("a")
    node.queues()
    patient.perform([stop("a")])
    patient.at_s += 0.9
    assert patient.observed() == {"a": UnitState("demo", ready=True, job=Act.STOP)}
    patient.at_s += 0.1
    assert patient.observed() == {"a": UnitState("demo", ready=True)}


def test_a_stop_of_what_was_started_since_is_another_one(patient, node):
    patient.perform([stop("a"), start("a")])
    assert patient.observed() == {"a": UnitState("demo", ready=True)}


def test_what_systemd_refused_counts_as_asked_so_that_it_is_not_asked_at_once_again(patient, node):
    node.refuse()
    with pytest.raises(LabError):
        patient.perform([start("a", "nginx")])
    assert patient.observed() == {"a": STARTS}
