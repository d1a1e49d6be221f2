"""Pass after pass of a node that waits for news: no clock but the test's, and the real Systemd."""

import pytest

from services.agent.loop import run
from services.agent.narrator import Narrator
from services.agent.systemd import Systemd
from services.core.lease import may_run
from services.core.model import STOP, Act, Assignment, Container, UnitState
from services.core.reconcile import MISSING, UNWANTED
from tests.fakes import FakeNode

LOOK_S = 0.15
A = Assignment("e", 1, (Container("a"),), 3)
SAFE = Assignment("e", 1, (Container("k"), Container("s", on_disconnect=STOP)), 3)
READY = UnitState("demo", ready=True)
STARTS = UnitState("demo", ready=False, job=Act.START)
CUT = "cut off for 3.4 s, lease 3 s, on_disconnect stop"
AWAY = {"outage": "API unreachable", "since": "12:03:10"}


class Course:
    """A plane whose passes are a look apart. before[n]: called before the n-th further pass."""

    def __init__(self):
        self.answer = may_run(A, "")
        self.now_s = 0.0
        self.looks = 0
        self.before = {}
        self.reports: list[dict] = []
        self.busy: list[bool] = []

    def desired(self, observed):
        self.report(observed)
        return self.answer

    def report(self, observed):
        if not self.reports or self.reports[-1] != observed:
            self.reports.append(dict(observed))

    def wait(self, busy):
        self.busy.append(busy)
        if self.looks == 0:
            return False
        self.looks -= 1
        self.now_s += LOOK_S
        self.before.pop(min(self.before, default=None), lambda: None)()
        return True


@pytest.fixture
def plane():
    return Course()


@pytest.fixture
def node(tmp_path):
    made = FakeNode(tmp_path / "node")
    made.start_by_hand("a")
    return made


@pytest.fixture
def lines():
    return []


class Go:
    """go(*deeds, looks=n) -> what systemctl is called with after each deed, one pass a deed."""

    def __init__(self, plane, node, narrator):
        self._plane, self._node, self._narrator = plane, node, narrator
        self.systemd = Systemd(
            str(node.root), str(node.systemctl), patience_s=1.0, now_s=lambda: plane.now_s
        )

    def __call__(self, *deeds, looks=0):
        before = len(self._node.calls())
        self._plane.looks, self._plane.before = len(deeds) + looks, dict(enumerate(deeds))
        self.done = run(self._plane, self.systemd, self._narrator)
        return [short(call) for call in self._node.calls()[before:]]


@pytest.fixture
def go(plane, node, lines, tmp_path):
    narrator = Narrator(str(tmp_path / "said.json"), lambda text: lines.extend(text.split("\n")))
    return Go(plane, node, narrator)


def short(call):
    words = [word for word in call.split() if word != "--no-block"]
    return " ".join(
        [words[0], *(w.removeprefix("pull-container@").split(".")[0] for w in words[1:])]
    )


def test_a_look_that_shows_nothing_new_does_nothing(go, plane, lines):
    go()
    reports, said = list(plane.reports), list(lines)
    assert go(looks=20) == []
    assert (plane.reports, lines) == (reports, said)
    assert lines == ["converged (1 container)"]


def test_drift_is_corrected_and_reported_by_the_next_look(go, plane, node):
    calls = go(lambda: node.start_by_hand("fake"), lambda: node.crash("a"), lambda: None)
    assert calls == ["start fake", "stop fake", "start a"]
    assert plane.now_s == pytest.approx(3 * LOOK_S)
    assert {"a": READY, "fake": READY} in plane.reports
    assert plane.reports[-1] == {"a": READY}


def test_a_container_that_gets_ready_is_reported_by_the_next_look(go, plane, node, lines):
    node.mark("slow", "a")
    go(lambda: node.crash("a"))
    assert plane.reports[-1] == {"a": UnitState("demo", ready=False)}
    assert plane.busy[-1], "it will change soon"
    go(lambda: node.get_ready("a"))
    assert plane.reports[-1] == {"a": READY}
    assert not plane.busy[-1]
    assert lines[-1] == "converged (1 container)"


def test_another_assignment_is_acted_on_at_once(go, plane, lines):
    go()
    plane.answer = may_run(Assignment("e", 2, (Container("b"),), 3), "")
    assert go() == ["stop a", "start b"]
    assert lines[-2:] == [f"STOP a: {UNWANTED}", f"START b: {MISSING}"]


def test_a_start_that_is_queued_is_not_asked_for_again_and_is_no_convergence(
    go, plane, node, lines
):
    node.queues()
    assert go(lambda: node.crash("a"), looks=5) == ["start a"]
    assert plane.reports[-1] == {"a": STARTS}
    assert plane.busy[-1]
    assert lines[-1] == f"START a: {MISSING}"
    go(node.work)
    assert lines[-1] == "converged (1 container)"
    assert not plane.busy[-1]


def test_a_start_that_is_queued_is_taken_back_when_it_is_no_longer_wanted(go, plane, node):
    node.queues()
    go(lambda: node.crash("a"))
    plane.answer = may_run(Assignment("e", 2, (), 3), "")
    assert go() == ["stop a"]
    node.work()
    assert go.systemd.observed() == {}


def test_a_container_that_never_comes_up_is_started_once_in_its_patience(go, node):
    node.mark("failing", "a")
    assert go(lambda: node.crash("a"), looks=20) == ["start a"] * 3  # in 3 s


def test_a_stop_that_takes_its_time_is_asked_for_once_in_its_patience(go, node):
    node.start_by_hand("fake")
    node.queues()
    assert go(looks=20) == ["stop fake"] * 3  # in 3 s


def test_an_outage_is_narrated_once_and_drift_is_corrected_in_it(go, plane, node, lines):
    plane.answer = may_run(A, "")._replace(**AWAY)
    assert go(lambda: node.start_by_hand("fake"), looks=5)[1:] == ["stop fake"]
    assert lines.count("API unreachable, using local state from 12:03:10") == 1
    plane.answer = may_run(A, "")
    go()
    assert "API is back, re-synchronised at revision 1" in lines


def test_the_look_after_the_lease_ran_out_stops_what_asked_for_it(go, plane, node, lines):
    plane.answer = may_run(SAFE, "")
    go(looks=2)
    plane.answer = may_run(SAFE, CUT)
    assert go(looks=2) == ["stop s"]
    assert lines[-2:] == [f"STOP s: {CUT}", "converged (1 container)"]
    plane.answer = may_run(SAFE, "")  # the server answered
    assert go() == ["start s"]


def test_what_systemd_refuses_is_narrated_and_tried_again_and_ends_no_loop(go, node, lines):
    node.refuse()
    assert go(lambda: node.crash("a"), looks=8) == ["start a"] * 2
    assert sum("exit code 1" in line for line in lines) == 2
    assert sum(line.startswith("hint: ") for line in lines) == 2
    assert not go.done
    (node.root / "refuse").unlink()
    assert go(looks=8) == ["start a"]
    assert go.done


def test_a_refusal_is_not_forgotten_while_systemd_may_still_do_it(go, node):
    node.refuse()
    go(lambda: node.crash("a"), looks=3)
    assert not go.done
