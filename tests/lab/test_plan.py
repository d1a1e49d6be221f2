"""What `lab up`, `reset` and `thaw` decide: from what was found to steps, as a table."""

from pathlib import Path

import pytest

from lab.bringup import plan
from lab.bringup.plan import Act, Asked, Found, Saved
from services.core.errors import LabError

NAMES = ("api", "node1", "node2")
INITIAL = Saved(Path("frozen/up"), ("push", "pull"), "fast", initial=True)
CHAPTER = Saved(Path("chapters/one"), ("push", "pull"), "fast", initial=False)
BOTH = Asked("both", "fast")
RESET = Asked("both", "fast", replace=True)

SETTLE = [Act.UPDATE, Act.SWITCH]
NEW = [Act.CREATE, Act.WAIT, Act.CHECK, Act.ANSWER, Act.SAVE]


def found(*states, **more):
    given = states if len(states) == len(NAMES) else states * len(NAMES)
    return Found(dict(zip(NAMES, given, strict=True)), **more)


@pytest.mark.parametrize(
    ("there", "asked", "acts"),
    [
        pytest.param(found("absent"), BOTH, NEW, id="nothing exists"),
        pytest.param(
            found("absent", our_code=False),
            BOTH,
            [Act.CREATE, *SETTLE, Act.ANSWER, Act.SAVE],
            id="new machines with other code than ours have started nothing",
        ),
        pytest.param(
            found("absent"),
            Asked("both", "seed"),
            [Act.CREATE, *SETTLE, Act.ANSWER, Act.SAVE],
            id="new machines have the profile of the box, not another",
        ),
        pytest.param(
            found("absent", initial=INITIAL),
            BOTH,
            [Act.THAW, Act.ANSWER],
            id="nothing exists, and the initial lab is as asked for",
        ),
        pytest.param(
            found("absent", initial=INITIAL),
            Asked("pull", "fast"),
            [Act.THAW, *SETTLE, Act.ANSWER, Act.SAVE],
            id="the initial lab ran another mode",
        ),
        pytest.param(
            found("absent", initial=INITIAL),
            Asked("both", "seed"),
            [Act.THAW, *SETTLE, Act.ANSWER, Act.SAVE],
            id="the initial lab ran under another profile",
        ),
        pytest.param(
            found("absent", initial=INITIAL), Asked("both", "fast", cold=True), NEW, id="cold"
        ),
        pytest.param(
            found("running", initial=INITIAL),
            BOTH,
            [Act.REACH, *SETTLE, Act.CLOCKS, Act.ANSWER],
            id="a lab runs: nothing is thawed over it",
        ),
        pytest.param(
            found("running", "off", "paused"),
            BOTH,
            [Act.BOOT, Act.RESUME, Act.REACH, *SETTLE, Act.CLOCKS, Act.ANSWER],
            id="each machine gets what its state asks for",
        ),
        pytest.param(
            found("running", "absent", "running"),
            BOTH,
            [Act.CREATE, Act.REACH, *SETTLE, Act.CLOCKS, Act.ANSWER],
            id="one machine was destroyed: the lab is not initial, so it is not saved",
        ),
        pytest.param(
            found("running", initial=INITIAL), RESET, [Act.THAW, Act.ANSWER], id="reset thaws"
        ),
        pytest.param(
            found("running"), RESET, [Act.DELETE, *NEW], id="reset without an initial lab boots"
        ),
        pytest.param(found("absent"), RESET, NEW, id="reset where nothing exists"),
        pytest.param(
            found("off", cut_short=True, unfinished=CHAPTER),
            BOTH,
            [Act.THAW, Act.ANSWER],
            id="a thaw that did not finish is repeated",
        ),
        pytest.param(
            found("off", cut_short=True, unfinished=CHAPTER),
            Asked("push", "fast"),
            [Act.THAW, *SETTLE, Act.ANSWER],
            id="a chapter is not saved as the initial lab",
        ),
        pytest.param(
            found("off", cut_short=True),
            BOTH,
            [Act.DELETE, *NEW],
            id="a thaw that did not finish cannot be repeated: its lab is gone",
        ),
        pytest.param(
            found("off", cut_short=True, unfinished=CHAPTER),
            Asked("both", "fast", cold=True),
            [Act.DELETE, *NEW],
            id="machines of two labs do not boot, cold neither",
        ),
        pytest.param(
            found("off", cut_short=True, unfinished=CHAPTER, initial=INITIAL),
            RESET,
            [Act.THAW, Act.ANSWER],
            id="reset needs no unfinished thaw",
        ),
        pytest.param(
            found("running", changed=True), RESET, [Act.DELETE, *NEW], id="changed, and reset"
        ),
        pytest.param(found("absent", changed=True), BOTH, NEW, id="changed while nothing exists"),
    ],
)  # fmt: skip
def test_steps(there, asked, acts):
    assert [step.act for step in plan.machines(there, asked)] == acts


@pytest.mark.parametrize(
    "there",
    [
        found("running", changed=True),
        found("off", "absent", "absent", changed=True),
        found("absent", changed=True, unknown=["node9"]),
    ],
    ids=["running", "one is left", "all were renamed"],
)
def test_machines_of_another_topology_are_refused_with_the_command_that_helps(there):
    with pytest.raises(LabError, match=r"topology\.json has changed") as raised:
        plan.decide(there, BOTH)
    assert "lab down" in raised.value.hint


def test_a_thaw_names_its_folder_and_its_reason():
    thaws = {
        plan.UNFINISHED: (found("off", cut_short=True, unfinished=CHAPTER), BOTH),
        plan.NO_MACHINE: (found("absent", initial=INITIAL), BOTH),
        # Also where another thaw did not finish.
        plan.REPLACES: (
            found("running", initial=INITIAL, cut_short=True, unfinished=CHAPTER),
            RESET,
        ),
    }
    for reason, asked in thaws.items():
        assert plan.machines(*asked)[0].reason == reason
    folders = [plan.machines(*asked)[0].names for asked in thaws.values()]
    assert folders == [("chapters/one",), ("frozen/up",), ("frozen/up",)]


def test_the_ground_comes_first_and_a_box_only_where_there_is_none():
    acts = [step.act for step in plan.decide(found("running", box=False), BOTH)]
    assert acts[:3] == [Act.BUILD, Act.PREPARE, Act.REACH]
    assert [step.act for step in plan.ground(found("running"))] == [Act.PREPARE]


def test_a_step_reads_as_a_line():
    create, *_ = plan.machines(found("running", "absent", "absent"), BOTH)
    assert str(create) == "create node1, node2: absent"
    assert str(plan.SAVE).startswith("save the initial lab: nothing is declared in it yet")


def test_a_saved_lab_waits_for_what_answered_then():
    thaw, answer = plan.saved(Path("chapters/one"), ("push",))
    assert (thaw.act, thaw.names) == (Act.THAW, ("chapters/one",))
    assert (answer.act, answer.names) == (Act.ANSWER, ("push",))
    assert plan.saved(Path("chapters/one"), ()) == (thaw,)


def test_machines_that_cannot_be_saved_are_not():
    found = Found(dict.fromkeys(("api", "node1"), "absent"), saves=False)
    acts = [step.act for step in plan.machines(found, BOTH)]
    assert acts == NEW[:-1]
