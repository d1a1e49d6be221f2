"""What follows what when the lab comes up: no machine stands behind these."""

import io
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab.bringup import bringup
from lab.snapshot import fresh
from lab.snapshot.fresh import Wish
from lab.terminal.progress import Progress
from provisioning import topology
from services.core.errors import LabError

LAB = topology.load()
NAMES = tuple(machine.name for machine in LAB.machines)


@pytest.fixture
def done(monkeypatch):
    """What was done, in order."""
    said = []
    monkeypatch.setattr(bringup.forward, "ensure", lambda _: said.append("ports"))
    monkeypatch.setattr(bringup.answers, "await_answers", lambda *_: said.append("answers"))
    monkeypatch.setattr(bringup.thaw, "served", lambda *_: said.append("served"))
    monkeypatch.setattr(bringup.deploy, "switch", lambda *_: said.append("switch"))
    return said


@pytest.fixture
def updated(done, monkeypatch):
    """The machines that were not up to date."""
    names = []

    def deploy(*_):
        done.append("look")
        return names

    monkeypatch.setattr(bringup.deploy, "deploy", deploy)
    return names


def progress():
    return Progress(io.StringIO())


def thawed(monkeypatch):
    saved = SimpleNamespace(running=NAMES, answering=("push", "pull"))
    monkeypatch.setattr(bringup, "restore", lambda *_: saved)
    return SimpleNamespace(path=Path)


def test_thawed_machines_do_what_can_wait_after_the_apis_answered(done, monkeypatch):
    bringup.goto(thawed(monkeypatch), "lesson-1", progress())
    assert done == ["ports", "answers", "served"]


def test_where_no_api_answers_nobody_is_said_to_be_served(done, monkeypatch):
    def silent(*_):
        raise LabError("the push API does not answer")

    monkeypatch.setattr(bringup.answers, "await_answers", silent)
    with pytest.raises(LabError, match="does not answer"):
        bringup.goto(thawed(monkeypatch), "lesson-1", progress())
    assert done == ["ports"]


@pytest.mark.parametrize(
    ("new", "profile", "old", "switched"),
    [
        (True, "fast", [], False),
        # Machines that were there may run another mode, or what failed in it.
        (False, "fast", [], True),
        # New ones that have other code than the box, or another profile, have started nothing.
        (True, "fast", ["node1"], True),
        (True, "seed", [], True),
    ],
)
def test_only_machines_born_with_their_modes_are_not_told_them(
    done, updated, new, profile, old, switched
):
    updated += old
    assert bringup._settle(LAB, Wish("both", profile), progress(), new=new) == switched
    assert done == ["look"] + ["switch"] * switched


@pytest.mark.parametrize(
    ("begins", "soon", "old", "then"),
    [
        (True, True, [], ["ports", "soon", "look"]),
        (True, True, ["node1"], ["ports", "soon", "look", "switch", "ports", "answers"]),
        (True, False, [], ["ports", "soon", "look", "ports", "answers"]),
        (False, True, ["api"], ["look", "switch", "ports", "answers"]),
    ],
    ids=["born with our code", "one that is not", "slow ones", "a box with other code"],
)
def test_new_machines_that_begin_by_themselves_are_looked_at_once_all_answer(
    done, updated, monkeypatch, begins, soon, old, then
):
    updated += old
    for name, value in {"prepare": None, "_frozen": None, "_boot": True, "_begins": begins}.items():
        monkeypatch.setattr(bringup, name, lambda *_, _value=value, **__: _value)
    monkeypatch.setattr(bringup.box_build, "exists", lambda _: True)
    monkeypatch.setattr(bringup, "deadline_s", lambda seconds: seconds)
    monkeypatch.setattr(bringup.answers, "come", lambda *_: done.append("soon") or soon)
    for name in ("remember", "keep"):
        monkeypatch.setattr(bringup.fresh, name, lambda *_: None)
    bringup.up("both", "fast", progress(), cold=True)
    assert done == then


@pytest.mark.parametrize(
    ("kept", "asked", "traces", "begins"),
    [
        (True, {"cold": False, "anew": False}, [], True),
        (True, {"cold": False, "anew": True}, ["Vagrant has notes on node1"], True),
        (True, {"cold": False, "anew": False}, ["Vagrant has notes on node1"], False),
        (True, {"cold": True, "anew": False}, [], False),
        (False, {"cold": False, "anew": True}, [], False),
    ],
    ids=["nothing is up", "reset", "a lab is up", "cold", "nothing is kept"],
)
def test_a_kept_lab_is_verified_early_where_it_will_be_thawed(
    monkeypatch, kept, asked, traces, begins
):
    names = [fresh.NAME] if kept else []
    monkeypatch.setattr(bringup.store, "frozen", lambda: SimpleNamespace(names=lambda: names))
    monkeypatch.setattr(bringup.inventory, "traces", lambda _: traces)
    assert bringup._likely(LAB, **asked) == (fresh.folder() if begins else None)
