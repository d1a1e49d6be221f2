"""Each demonstration's looks and its end, on a playground of doubles: what errors may not hide."""

from types import SimpleNamespace

import pytest

from lab.demo import reconciliation, resilience
from lab.demo.playground import LATE, NAMES, Playground
from lab.demo.resilience import Fate, fate
from lab.demo.verdict import Verdict
from lab.experiment import timing
from lab.faults import chaos
from lab.planes.client import Running
from lab.waiting import TookTooLong
from services.core.errors import ApiRefused, ApiUnreachable, LabError, NodeUnreachable
from services.core.model import Container, Placed
from services.core.profiles import PROFILES

SILENT = ApiUnreachable("http://127.0.0.1:8080", "refused")


@pytest.fixture
def playground(lab, vms):
    return Playground(lab, ["push", "pull"], PROFILES["fast"], lambda text: None)


@pytest.mark.parametrize(
    ("runs", "dead_s", "restarted_s"),
    [
        pytest.param(["a", "a"], None, None, id="the kill missed"),
        pytest.param([], None, None, id="nothing could be seen"),
        pytest.param(["a", "", ""], 1, None, id="dead, and it stays so"),
        pytest.param(["", "b"], 0, 1, id="dead, then another run"),
        pytest.param(["a", "b"], None, 1, id="back before a look"),
    ],
)
def test_what_became_of_the_killed_container(runs, dead_s, restarted_s):
    assert fate(list(enumerate(runs)), "a") == Fate(dead_s, restarted_s)


def test_a_stopped_api_is_asked_to_list_to_start_and_to_stop(playground, monkeypatch):
    asked = []

    def silent(*words, **_):
        asked.append(words[:2])
        raise SILENT

    monkeypatch.setattr(playground.push, "request", silent)
    assert resilience._answers(playground, "push") == ()
    assert [path for _, path in asked] == ["/containers", "/container/start", "/container/stop"]
    refused = ApiRefused("http://127.0.0.1:8080", 502, "no")
    monkeypatch.setattr(playground.push, "stop", lambda name: (_ for _ in ()).throw(refused))
    assert resilience._answers(playground, "push") == ("a stop",)


def test_push_that_cannot_reach_the_node_does_not_say_that_the_stray_is_gone(playground, lab):
    node = lab.nodes[0]
    seen = Running((Placed(Container("fake"), "node1"),), ())
    playground.push = SimpleNamespace(running=lambda: seen)
    assert reconciliation._push(playground, node).listed
    playground.push = SimpleNamespace(running=lambda: Running((), ("node1",)))
    with pytest.raises(NodeUnreachable):
        reconciliation._push(playground, node)


SHOWS, HIDES = Running((Placed(Container("fake"), "node1"),), ()), Running((), ("node1",))


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        pytest.param([SHOWS], Verdict.EXPECTED, id="listed to the end"),
        pytest.param([SHOWS, SILENT], Verdict.UNKNOWN, id="push died after one look"),
        pytest.param([SHOWS, HIDES], Verdict.UNKNOWN, id="the node was lost after one look"),
        pytest.param([SHOWS, SHOWS, Running((), ())], Verdict.UNEXPECTED, id="corrected"),
        pytest.param([SILENT], Verdict.UNKNOWN, id="never seen"),
    ],
)
def test_a_stray_in_push_is_watched_to_the_end(playground, monkeypatch, answers, verdict):
    monkeypatch.setattr(timing, "drift_s", lambda _: 0.4)
    left = list(answers)

    def running():
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, LabError):
            raise answer
        return answer

    playground.modes = ["push"]
    playground.push = SimpleNamespace(running=running)
    (outcome,) = reconciliation.play(playground)
    assert outcome.verdict is verdict


@pytest.mark.parametrize(
    ("misses", "hangs", "verdict"),
    [
        pytest.param(False, False, Verdict.EXPECTED, id="killed, and nobody mends it"),
        pytest.param(True, False, Verdict.UNEXPECTED, id="the kill missed"),
        pytest.param(False, True, Verdict.UNKNOWN, id="no look saw it dead"),
    ],
)
def test_that_push_leaves_the_dead_alone_is_seen(lab, vms, monkeypatch, misses, hangs, verdict):
    monkeypatch.setattr(timing, "outage_s", lambda _: 0.2)
    monkeypatch.setenv("LAB_PUSH_PORT", "9")
    playground = Playground(lab, ["push"], PROFILES["fast"], lambda text: None)
    for number, name in enumerate(NAMES):
        vms[lab.nodes[number % 3].name].units[f"push-container@{name}.service"] = "active"
    vms["node1"].kill_misses = misses
    if hangs:
        seen = iter(["7"])
        monkeypatch.setattr(resilience, "_run_of", lambda *_: _next(seen))
    (outcome,) = resilience.play(playground)
    assert outcome.verdict is verdict


def _next(seen):
    """The next of `seen`; no look succeeds after the last."""
    try:
        return next(seen)
    except StopIteration:
        raise NodeUnreachable("node1", 5) from None


@pytest.mark.parametrize(
    ("error", "late_s", "unseen"),
    [
        pytest.param(
            TookTooLong("late runs", 5, False, ""), None, False, id="never ran: pull's fault"
        ),
        pytest.param(SILENT, None, True, id="not seen: nobody's fault"),
    ],
)
def test_a_return_of_the_api_that_goes_wrong(playground, monkeypatch, error, late_s, unseen):
    monkeypatch.setattr(chaos, "start_api", lambda *_: None)
    monkeypatch.setattr(resilience, "_wanted", lambda _: ())
    monkeypatch.setattr(playground, "declare", lambda *_: None)
    monkeypatch.setattr(playground, "await_pull", lambda name: (_ for _ in ()).throw(error))
    back = resilience._return(playground, ())
    assert (back.changed, back.late_s, bool(back.unseen)) == (False, late_s, unseen)


def test_an_api_that_does_not_start_again_is_an_unseen_return(playground, monkeypatch):
    def broken(*_):
        raise LabError("ssh broke")

    monkeypatch.setattr(chaos, "start_api", broken)
    assert resilience._return(playground, ()).unseen == "ssh broke"


def test_clearing_goes_on_after_an_error_and_raises_the_first(playground, monkeypatch):
    asked = []

    def withdraw(mode, name):
        asked.append((mode, name))
        if mode == "push":
            raise LabError(f"{name} stays")

    monkeypatch.setattr(playground, "withdraw", withdraw)
    with pytest.raises(LabError, match=f"{NAMES[0]} stays"):
        playground.clear()
    assert asked == [(mode, name) for mode in ("push", "pull") for name in (*NAMES, LATE)]
