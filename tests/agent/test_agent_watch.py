"""The pass that goes on, look by look: no clock but the test's."""

import pytest

from services.agent.held import LOOK_S
from services.agent.journal import Journal
from services.agent.watch import Watch
from services.core.errors import LabError
from services.core.follow import Answer
from services.core.model import STOP, Act, Assignment, Container, UnitState
from services.core.reconcile import MISSING, UNWANTED
from tests.fakes import FakeSystemd

A = Assignment("e", 1, (Container("a"),), 3)
SAFE = Assignment("e", 1, (Container("k"), Container("s", on_disconnect=STOP)), 3)
READY = UnitState("demo", ready=True)
COMING = UnitState("demo", ready=False)
CUT = "cut off for 3.4 s, lease 3 s, on_disconnect stop"


class FakeListening:
    """`coming`: answers of the looks to come; each look takes its whole time."""

    def __init__(self, kept):
        self.kept = kept
        self.cut = ""
        self.coming: list[Answer | None] = []
        self.then = lambda: None
        self.now_s = 0.0
        self.busy_until_s = 0.0
        self.closed = 0
        self.told: list[dict] = []

    @property
    def idle(self):
        return self.now_s >= self.busy_until_s

    def recall(self):
        return self.kept

    def cut_off(self):
        return self.cut

    def ask(self, observed):
        return Answer(self.kept)

    def report(self, observed):
        if not self.told or self.told[-1] != observed:
            self.told.append(dict(observed))

    def news(self, timeout_s):
        self.now_s += timeout_s
        self.then()
        answer = self.coming.pop(0) if self.coming else None
        if answer:
            self.kept = answer.assignment
        return answer

    def close(self):
        self.closed += 1


@pytest.fixture
def plane():
    return FakeListening(A)


@pytest.fixture
def systemd():
    return FakeSystemd({"a": READY})


@pytest.fixture
def watch(plane, systemd, tmp_path):
    said: list[str] = []
    journal = Journal(str(tmp_path / "said.json"), said.append)
    made = Watch(plane, systemd, journal, patience_s=1.0, now_s=lambda: plane.now_s)
    made.said = said
    made.look(Answer(A))
    return made


def looks(watch, plane, count):
    """The tasks of the next looks, a list each."""
    done = []
    for _ in range(count):
        done.append([(t.act, t.container.name) for t in watch.look(plane.news(LOOK_S))])
    return done


def test_a_look_that_shows_nothing_new_does_nothing(watch, plane, systemd):
    told, said = list(plane.told), list(watch.said)
    systemd.observed = lambda: pytest.fail("looked closer")
    assert looks(watch, plane, 20) == [[]] * 20
    assert (plane.told, watch.said) == (told, said)


def test_drift_is_corrected_by_the_next_look_and_no_look_is_more_than_150_ms_away(
    watch, plane, systemd
):
    systemd.start("fake")
    assert looks(watch, plane, 1) == [[(Act.STOP, "fake")]]
    systemd.crash("a")
    assert looks(watch, plane, 1) == [[(Act.START, "a")]]
    assert plane.now_s == pytest.approx(2 * LOOK_S)
    assert LOOK_S <= 0.15


def test_drift_is_reported_by_the_look_that_sees_it(watch, plane, systemd):
    systemd.start("fake")
    looks(watch, plane, 2)
    assert plane.told[1:] == [{"a": READY, "fake": COMING}, {"a": READY}]


def test_a_container_that_got_ready_is_reported_by_the_next_look(watch, plane, systemd):
    systemd.crash("a")
    looks(watch, plane, 1)
    systemd.settle()
    looks(watch, plane, 1)
    assert plane.told[-1] == {"a": READY}
    assert watch.said[-1] == "converged (1 container)"


def test_another_assignment_is_acted_on_at_once(watch, plane):
    plane.coming = [Answer(Assignment("e", 2, (Container("b"),), 3))]
    assert looks(watch, plane, 1) == [[(Act.STOP, "a"), (Act.START, "b")]]
    assert watch.said[-2:] == [f"STOP a: {UNWANTED}", f"START b: {MISSING}"]


def test_a_start_that_is_queued_is_not_asked_for_again_and_is_not_convergence(
    watch, plane, systemd
):
    systemd.queues = True
    systemd.crash("a")
    assert looks(watch, plane, 6) == [[(Act.START, "a")], [], [], [], [], []]
    assert plane.told[-1] == {"a": COMING}
    assert watch.said[-1] == f"START a: {MISSING}"
    systemd.work()
    looks(watch, plane, 1)
    assert watch.said[-1] == "converged (1 container)"


def test_a_start_that_is_queued_is_taken_back_when_it_is_no_longer_wanted(watch, plane, systemd):
    systemd.queues = True
    systemd.crash("a")
    looks(watch, plane, 1)
    plane.coming = [Answer(Assignment("e", 2, (), 3))]
    assert looks(watch, plane, 1) == [[(Act.STOP, "a")]]
    systemd.work()
    assert systemd.observed() == {}


def test_a_container_that_never_comes_up_is_started_once_in_its_patience(watch, plane, systemd):
    systemd.failing.add("a")
    systemd.crash("a")
    starts = looks(watch, plane, 20)  # 3 s
    assert starts.count([(Act.START, "a")]) == 3


def test_a_stop_that_takes_its_time_is_asked_for_once_in_its_patience(watch, plane, systemd):
    systemd.start("fake")
    systemd.queues = True
    assert looks(watch, plane, 20).count([(Act.STOP, "fake")]) == 3


def test_an_outage_is_told_and_drift_is_corrected_in_it(watch, plane, systemd):
    away = Answer(A, "API unreachable", "12:03:10")
    plane.coming = [away, away, away]
    looks(watch, plane, 3)
    systemd.start("fake")
    assert looks(watch, plane, 1) == [[(Act.STOP, "fake")]]
    said = "API unreachable, using local state from 12:03:10"
    assert watch.said.count(said) == 1
    plane.coming = [Answer(A)]
    looks(watch, plane, 1)
    assert "API is back, re-synchronised at revision 1" in watch.said


def test_the_look_after_the_lease_ran_out_stops_what_asked_for_it(watch, plane, systemd):
    plane.coming = [Answer(SAFE)]
    looks(watch, plane, 2)
    plane.cut = CUT
    assert looks(watch, plane, 2) == [[(Act.STOP, "s")], []]
    assert watch.said[-2:] == [f"STOP s: {CUT}", "converged (1 container)"]
    assert systemd.observed().keys() == {"k"}
    plane.cut = ""  # the server answered
    assert looks(watch, plane, 1) == [[(Act.START, "s")]]


def test_a_refusal_of_systemd_is_told_and_tried_again_and_ends_no_watch(watch, plane, systemd):
    systemd.refuses = LabError("no", hint="look")
    systemd.crash("a")
    looks(watch, plane, 8)
    assert watch.said.count("no\nhint: look") == 2
    systemd.refuses = None
    assert [(Act.START, "a")] in looks(watch, plane, 8)


def test_a_pass_ends_in_time_and_raises_what_is_still_refused(watch, plane, systemd):
    plane.then = lambda: plane.now_s > 1 and systemd.observed() and systemd.crash("a")
    systemd.refuses = LabError("no")
    with pytest.raises(LabError, match="no"):
        watch.run(2.0)
    assert 2 <= plane.now_s <= 3 + LOOK_S
    assert plane.closed == 1


def test_a_pass_waits_for_the_answer_that_is_under_way(watch, plane):
    plane.busy_until_s = 2.7
    watch.run(2.0)
    assert 2.7 <= plane.now_s < 2.7 + 2 * LOOK_S


def test_a_pass_looks_once_more_after_whatever_it_did(watch, plane, systemd):
    systemd.queues = True
    plane.then = lambda: systemd.observed() and plane.now_s >= 2 - LOOK_S and systemd.crash("a")
    watch.run(2.0)
    assert plane.told[-1] == {"a": COMING}


def test_a_pass_that_watches_stops_what_the_lease_ran_out_for_before_it_asks(watch, plane, systemd):
    plane.kept, plane.cut = SAFE, CUT
    systemd.start("s")
    asked = []
    plane.ask = lambda observed: asked.append(dict(observed)) or Answer(SAFE)
    watch.run(0.0)
    assert asked == [{"a": READY}]
