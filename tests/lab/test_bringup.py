"""What `lab up` and `lab thaw` do with their plan: no machine stands behind these."""

import io
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab.bringup import bringup, deploy, look, perform
from lab.bringup.perform import Run
from lab.bringup.plan import ABSENT, MODES, Act, Asked, Found, Saved, Step
from lab.host import forward
from lab.machines import inventory, power
from lab.planes import answers
from lab.snapshot import initial, thaw
from lab.snapshot.initial import Request
from lab.terminal.progress import Progress
from provisioning import topology
from provisioning.host import programs
from services.core.errors import LabError

LAB = topology.load()
NAMES = tuple(machine.name for machine in LAB.machines)
NOTHING, RUNS = dict.fromkeys(NAMES, "absent"), dict.fromkeys(NAMES, "running")
INITIAL = Saved(Path("up"), MODES["both"], "fast", initial=True)


class Fake:
    """What is done, in order, and what it finds."""

    def __init__(self):
        self.done = []
        self.found = Found(NOTHING)
        self.later = None
        self.updated = []
        self.soon = True
        self.error = None
        self.lacks = ()
        self.answering = ("push",)

    def say(self, word, result=None):
        def act(*_, **__):
            self.done.append(word)
            return result() if result else None

        return act

    def restore(self, *_):
        self.done.append("thaw")
        self.later = RUNS
        if self.error:
            raise self.error
        return self.saved()

    def saved(self):
        return SimpleNamespace(
            running=NAMES, answering=self.answering, modes=("push",), profile="fast"
        )


@pytest.fixture
def fake(monkeypatch, tmp_path):
    fake = Fake()
    for place, name, value in [
        (look, "look", lambda _: fake.found),
        (look, "states", lambda _: fake.later or fake.found.states),
        (perform, "check_root", lambda: None),
        (programs, "which", lambda name: name not in fake.lacks),
        (initial, "_REQUEST", tmp_path / "up.json"),
        (initial, "delete", fake.say("delete initial")),
        (initial, "save", fake.say("save")),
        (thaw, "_MARKER", tmp_path / "thawing"),
        (perform, "prepare", fake.say("prepare")),
        (perform, "restore", fake.restore),
        (perform, "deadline_s", lambda seconds: seconds),
        (power, "create", fake.say("create")),
        (power, "start", fake.say("start")),
        (inventory, "ours", lambda _: SimpleNamespace(clear=fake.say("delete"))),
        (perform, "correct_clocks", fake.say("clocks")),
        (deploy, "deploy", fake.say("look", lambda: fake.updated)),
        (deploy, "switch", fake.say("switch")),
        (forward, "ensure", fake.say("ports")),
        (answers, "come", fake.say("soon", lambda: fake.soon)),
        (answers, "await_answers", fake.say("answers")),
        (thaw, "served", fake.say("served")),
    ]:
        monkeypatch.setattr(place, name, value)
    return fake


def progress():
    return Progress(io.StringIO())


@pytest.mark.parametrize(
    ("soon", "updated", "then"),
    [
        (True, [], ["ports", "soon", "look"]),
        (True, ["node1"], ["ports", "soon", "look", "switch", "ports", "answers"]),
        (False, [], ["ports", "soon", "look", "switch", "ports", "answers"]),
    ],
    ids=["born with our code", "one that is not", "slow ones"],
)
def test_new_machines_are_looked_at_once_all_answer(fake, soon, updated, then):
    fake.soon, fake.updated = soon, updated
    bringup.up("both", "fast", progress())
    assert fake.done == ["prepare", "create", *then, "save"]
    assert initial.remembered() == ("both", "fast")


def test_every_act_of_a_plan_is_performed():
    healed = {Act.LIBVIRT, Act.GIVE_UP, Act.START, Act.UNDO, Act.SWEEP, Act.PORTS, Act.TIDY}
    assert set(perform._PERFORM) == set(Act) - healed


def test_each_step_is_printed_with_its_reason(fake):
    out = io.StringIO()
    run = Run(LAB, Asked("both", "fast"), Progress(out))
    run.perform([Step(Act.CREATE, ("node1",), ABSENT)])
    assert "create node1: absent" in out.getvalue()


def test_rights_are_checked_before_anything_is_touched(fake, monkeypatch, tmp_path):
    def refuse():
        raise LabError("this needs root")

    monkeypatch.setattr(perform, "check_root", refuse)
    fake.found = Found(RUNS, initial=INITIAL)
    initial.remember(Request("both", "fast"))
    with pytest.raises(LabError, match="needs root"):
        bringup.reset(progress())
    with pytest.raises(LabError, match="needs root"):
        bringup.goto(saved(fake, tmp_path), "lesson-1", progress())
    assert fake.done == []


@pytest.mark.parametrize(("lacks", "found"), [("vagrant", Found(RUNS)), ("nc", Found(NOTHING))])
def test_tools_are_looked_for_before_anything_is_touched(fake, lacks, found):
    fake.found, fake.lacks = found, [lacks]
    initial.remember(Request("both", "fast"))
    with pytest.raises(LabError, match=f"not installed: {lacks}"):
        bringup.reset(progress())
    assert fake.done == []


def test_without_a_box_and_rights_a_bundle_is_named(fake, monkeypatch):
    def refuse():
        raise LabError("this needs root: no sudo", hint="be root")

    monkeypatch.setattr(perform, "check_root", refuse)
    fake.found = Found(NOTHING, box=False)
    with pytest.raises(LabError, match=r"the box is not in .*this needs root: no sudo") as refused:
        bringup.up("both", "fast", progress())
    assert "be root; " in refused.value.hint
    assert "lab bundle import FILE" in refused.value.hint
    assert fake.done == []


def test_machines_that_cannot_be_saved_are_not_thawed_either(fake, monkeypatch, tmp_path):
    def refuse():
        raise LabError("cannot be saved")

    monkeypatch.setattr(bringup, "check_saves", refuse)
    with pytest.raises(LabError, match="cannot be saved"):
        bringup.goto(saved(fake, tmp_path), "lesson-1", progress())
    assert fake.done == []


def test_a_thaw_creates_nothing_and_needs_no_vagrant(fake):
    fake.found, fake.lacks = Found(NOTHING, initial=INITIAL), ["vagrant"]
    bringup.up("both", "fast", progress())
    assert fake.done[:2] == ["prepare", "thaw"]


def test_machines_that_show_only_on_the_ground_change_the_plan(fake):
    fake.later = dict.fromkeys(NAMES, "off")
    bringup.up("both", "fast", progress())
    assert fake.done == ["prepare", "start", "look", "switch", "clocks", "ports", "answers"]


def test_a_thaw_that_fails_is_a_cold_boot_without_what_it_left(fake):
    fake.error = LabError("no")
    fake.found = Found(NOTHING, initial=INITIAL._replace(folder=initial.folder()))
    thaw._MARKER.write_text("up")
    bringup.up("both", "fast", progress(), cold=False)
    cold = ["prepare", "delete", "create", "ports", "soon", "look", "save"]
    assert fake.done[-len(cold) :] == cold
    assert "delete initial" in fake.done
    assert thaw.cut_short() is None


def test_a_chapter_that_cannot_be_thawed_is_not_the_initial_lab(fake):
    chapter = Saved(Path("one"), MODES["both"], "fast", initial=False)
    fake.found, fake.error = Found(NOTHING, cut_short=True, unfinished=chapter), LabError("no")
    bringup.up("both", "fast", progress())
    assert "delete initial" not in fake.done


def saved(fake, tmp_path):
    return SimpleNamespace(path=lambda name: tmp_path / name, read=lambda _: fake.saved())


def test_thawed_machines_do_what_can_wait_after_the_apis_answered(fake, tmp_path):
    bringup.goto(saved(fake, tmp_path), "lesson-1", progress())
    assert fake.done == ["thaw", "ports", "answers", "served"]


def test_a_lab_of_which_nothing_answered_when_it_was_saved_is_not_waited_for(fake, tmp_path):
    fake.answering = ()
    bringup.goto(saved(fake, tmp_path), "lesson-1", progress())
    assert fake.done == ["thaw", "served"]


def test_a_silent_api_means_that_machines_do_not_go_on_to_the_rest(fake, tmp_path, monkeypatch):
    def silent(*_):
        raise LabError("the push API does not answer")

    monkeypatch.setattr(answers, "await_answers", silent)
    with pytest.raises(LabError, match="does not answer"):
        bringup.goto(saved(fake, tmp_path), "lesson-1", progress())
    assert fake.done == ["thaw", "ports"]


@pytest.mark.parametrize("words", [("up", "both"), ("reset",), ("heal",), ("thaw",)])
def test_a_dry_run_prints_steps_and_does_nothing(fake, run, vms, monkeypatch, tmp_path, words):
    fake.found = Found(RUNS)
    initial.remember(Request("both", "fast"))
    labs = saved(fake, tmp_path)
    labs.left = list
    monkeypatch.setattr("lab.snapshot.store.frozen", lambda: labs)
    result = run(*words, "--dry-run")
    assert result.exit_code == 0, result.output
    assert all(": " in line for line in result.stdout.splitlines())
    assert len(result.stdout.splitlines()) >= 2
    assert fake.done == []
    assert not any(machine.commands for machine in vms.machines.values())
