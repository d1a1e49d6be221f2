"""Verdicts: push is expected to repair nothing, pull everything, and unknown is never green."""

import pytest

from lab.demo.judge import Drift, Loss, Outage, judge_drift, judge_loss, judge_outage
from lab.demo.verdict import DEMONSTRATIONS, Verdict, logged, succeeded, unknown
from services.core.errors import LabError

EXPECTED, UNEXPECTED, UNKNOWN = Verdict
STOPPED = ("RECONCILIATION", "STOP fake: not assigned here")
LOCAL = ("API unreachable, using local state from 12:03:10",)

DRIFT = Drift("node1", "fake", 0.2, None, 8.8, 9.0, ())
OUTAGE = Outage((), ("b",), (), "a", 0.4, None, 12.0, (), changed=False, late_s=None)
LOSS = Loss("node1", ("a", "b"), 3.0, None, ("a", "b"), 30.0, (), ())


@pytest.mark.parametrize(
    ("mode", "change", "verdict", "seconds"),
    [
        pytest.param("push", {}, EXPECTED, 9.0, id="push leaves the stray alone"),
        pytest.param("push", {"gone_s": 4.0}, UNEXPECTED, 4.0, id="push corrected it"),
        pytest.param("push", {"seen_s": None}, UNKNOWN, None, id="push never saw it"),
        pytest.param("push", {"last_s": 0.2}, UNKNOWN, 0.2, id="push fell silent after one look"),
        pytest.param("push", {"last_s": 6.7}, UNKNOWN, 6.7, id="push fell silent before the end"),
        pytest.param("pull", {"last_s": 0.2}, UNKNOWN, 0.2, id="pull was seen once"),
        pytest.param("pull", {"gone_s": 1.1, "log": STOPPED}, EXPECTED, 1.1, id="pull corrects"),
        pytest.param("pull", {}, UNEXPECTED, 9.0, id="pull leaves it"),
        pytest.param("pull", {"gone_s": 1.1}, UNKNOWN, 1.1, id="gone, but no agent did it"),
        pytest.param(
            "pull", {"gone_s": 1.1, "log": STOPPED[:1]}, UNKNOWN, 1.1, id="another stop was logged"
        ),
        pytest.param(
            "pull",
            {"seen_s": None, "gone_s": 0.1, "log": STOPPED},
            EXPECTED,
            0.1,
            id="stopped before anybody could see it",
        ),
        pytest.param("pull", {"seen_s": None}, UNKNOWN, None, id="it never started"),
    ],
)
def test_reconciliation(mode, change, verdict, seconds):
    outcome = judge_drift(mode, DRIFT._replace(**change))
    assert (outcome.verdict, outcome.seconds) == (verdict, seconds)


PULL_OUTAGE = {"survivors": ("a", "b"), "restarted_s": 2.0, "log": LOCAL, "late_s": 1.5}
UNSEEN = PULL_OUTAGE | {"late_s": None, "unseen": "ssh broke"}


@pytest.mark.parametrize(
    ("mode", "change", "verdict"),
    [
        pytest.param("push", {}, EXPECTED, id="nothing answers and the dead stay dead"),
        pytest.param("push", {"restarted_s": 2.0}, UNEXPECTED, id="push restarted it"),
        pytest.param("push", {"survivors": ("a", "b")}, UNEXPECTED, id="the kill missed"),
        pytest.param("push", {"dead_s": None}, UNKNOWN, id="nobody saw it dead"),
        pytest.param("push", {"unseen": "ssh broke"}, EXPECTED, id="push had no return to observe"),
        pytest.param("push", {"lost": ("b",)}, UNEXPECTED, id="containers died with the API"),
        pytest.param("push", {"answered": ("a list",)}, UNKNOWN, id="the API was not stopped"),
        pytest.param("push", {"survivors": ()}, UNKNOWN, id="nothing ran, so nothing is shown"),
        pytest.param("pull", PULL_OUTAGE, EXPECTED, id="agents go on and re-synchronise"),
        pytest.param("pull", PULL_OUTAGE | {"restarted_s": None}, UNEXPECTED, id="not restarted"),
        pytest.param("pull", PULL_OUTAGE | {"lost": ("b",)}, UNEXPECTED, id="a container is lost"),
        pytest.param("pull", PULL_OUTAGE | {"log": ()}, UNKNOWN, id="no word of local state"),
        pytest.param("pull", PULL_OUTAGE | {"changed": True}, UNEXPECTED, id="state was lost"),
        pytest.param("pull", PULL_OUTAGE | {"late_s": None}, UNEXPECTED, id="no re-sync"),
        pytest.param("pull", PULL_OUTAGE | {"dead_s": None}, EXPECTED, id="back before a look"),
        pytest.param("pull", UNSEEN, UNKNOWN, id="the API's return was not seen"),
        pytest.param("pull", UNSEEN | {"lost": ("b",)}, UNEXPECTED, id="lost before the return"),
        pytest.param("pull", PULL_OUTAGE | {"answered": ("a start",)}, UNKNOWN, id="it answered"),
    ],
)
def test_resilience(mode, change, verdict):
    assert judge_outage(mode, OUTAGE._replace(**change)).verdict is verdict


PULL_LOSS = {"elsewhere_s": 5.0, "missing": ()}


@pytest.mark.parametrize(
    ("mode", "change", "verdict", "seconds"),
    [
        pytest.param("push", {}, EXPECTED, 30.0, id="push lists the node and does nothing"),
        pytest.param("push", {"elsewhere_s": 5.0}, UNEXPECTED, 5.0, id="push moved them"),
        pytest.param("push", {"missing": ("a",)}, UNEXPECTED, None, id="push moved one"),
        pytest.param("push", {"returned": ("a",)}, UNEXPECTED, None, id="back after the reboot"),
        pytest.param("push", {"noticed_s": None}, UNKNOWN, None, id="the node was never missed"),
        pytest.param("push", {"unseen": "no boot"}, UNKNOWN, 30.0, id="push's return unseen"),
        pytest.param(
            "push",
            {"unseen": "no boot", "elsewhere_s": 5.0},
            UNEXPECTED,
            5.0,
            id="moved all the same",
        ),
        pytest.param(
            "pull", PULL_LOSS | {"unseen": "no boot"}, UNKNOWN, 5.0, id="pull's return unseen"
        ),
        pytest.param("pull", {"unseen": "no boot"}, UNEXPECTED, 30.0, id="nothing to return to"),
        pytest.param(
            "pull",
            PULL_LOSS | {"unseen": "x", "doubled": ("a",)},
            UNEXPECTED,
            5.0,
            id="twice in part",
        ),
        pytest.param("pull", PULL_LOSS, EXPECTED, 5.0, id="pull moves all of them"),
        pytest.param("pull", {}, UNEXPECTED, 30.0, id="pull moves none"),
        pytest.param("pull", PULL_LOSS | {"missing": ("b",)}, UNEXPECTED, 30.0, id="moves one"),
        pytest.param("pull", PULL_LOSS | {"doubled": ("a",)}, UNEXPECTED, 5.0, id="runs twice"),
        pytest.param("pull", PULL_LOSS | {"noticed_s": None}, UNKNOWN, None, id="nobody noticed"),
        pytest.param("pull", PULL_LOSS | {"victims": ()}, UNKNOWN, None, id="nothing was there"),
    ],
)
def test_self_healing(mode, change, verdict, seconds):
    outcome = judge_loss(mode, LOSS._replace(**change))
    assert (outcome.verdict, outcome.seconds) == (verdict, seconds)


def test_success_needs_outcomes_and_only_expected_ones():
    good = judge_drift("push", DRIFT)
    assert succeeded([good])
    assert not succeeded([])
    assert not succeeded([good, judge_drift("pull", DRIFT)])
    assert not succeeded([good, *unknown("resilience", ["push"], LabError("ssh broke"))])


def test_an_error_makes_its_demonstration_unknown_in_every_mode():
    outcomes = unknown("resilience", ["push", "pull"], LabError("ssh broke", hint="lab status"))
    assert [(o.mode, o.verdict, o.happened) for o in outcomes] == [
        ("push", UNKNOWN, "ssh broke"),
        ("pull", UNKNOWN, "ssh broke"),
    ]
    assert outcomes[0].evidence == ("lab status",)


def test_the_log_is_read_with_or_without_the_colon_of_the_demonstration():
    assert logged(["Nov 24 agent: STOP: fake"], "STOP fake")
    assert logged(["Nov 24 agent: STOP fake: not assigned here"], "STOP fake")
    assert not logged(["Nov 24 agent: STOP web"], "STOP fake")


def test_the_command_offers_the_demonstrations_that_exist():
    from lab.commands.demo import NAMES

    assert NAMES == DEMONSTRATIONS
