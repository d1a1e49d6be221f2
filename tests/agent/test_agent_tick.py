import pytest

from services.agent.journal import Journal
from services.agent.tick import tick
from services.core.errors import LabError
from services.core.follow import Answer
from services.core.model import STOP, Act, Assignment, Container, UnitState
from tests.fakes import FakeSystemd


class FakePlane:
    """cut: why STOP containers must not run before this pass asks, and after it."""

    def __init__(self, answer, kept=None, cut=("", "")):
        self.answer = answer
        self.kept = kept
        self.cut = cut
        self.asked: list[dict] = []
        self.reported: list[dict] = []

    def recall(self):
        return self.kept

    def cut_off(self):
        return self.cut[bool(self.asked)]

    def ask(self, observed):
        self.asked.append(dict(observed))
        return self.answer

    def report(self, observed):
        self.reported.append(dict(observed))


@pytest.fixture
def journal(tmp_path):
    said: list[str] = []
    made = Journal(str(tmp_path / "said.json"), said.append)
    made.said = said
    return made


A = Answer(Assignment("e", 1, (Container("a"),)))


def test_a_pass_that_changed_something_reports_twice(journal):
    plane, systemd = FakePlane(A), FakeSystemd()
    (task,) = tick(plane, systemd, journal)
    assert (task.act, task.container) == (Act.START, Container("a"))
    assert plane.asked == [{}]
    assert plane.reported == [{"a": UnitState("demo", ready=False)}]


def test_a_converged_pass_asks_once_and_touches_nothing(journal):
    plane, systemd = FakePlane(A), FakeSystemd({"a": UnitState("demo", ready=True)})
    assert tick(plane, systemd, journal) == ()
    assert (len(plane.asked), plane.reported, systemd.performed) == (1, [], [])


def test_nobody_knowing_what_to_run_does_not_mean_nothing(journal):
    systemd = FakeSystemd({"a": UnitState("demo", ready=True)})
    assert tick(FakePlane(Answer(None, "API unreachable")), systemd, journal) == ()
    assert systemd.observed().keys() == {"a"}


def test_an_outage_is_reconciled_as_any_other_time(journal):
    systemd = FakeSystemd({"fake": UnitState("demo", ready=True)})
    tick(FakePlane(A._replace(outage="API unreachable", since="12:03:10")), systemd, journal)
    assert systemd.observed().keys() == {"a"}


def test_what_systemd_refused_was_said_is_reported_and_is_raised(journal):
    plane, systemd = FakePlane(A), FakeSystemd()
    systemd.refuses = LabError("no")
    for _ in range(2):
        with pytest.raises(LabError):
            tick(plane, systemd, journal)
    assert journal.said[-1] == "START a: assigned here but not running"
    assert plane.reported == [{}, {}]


SAFE = Assignment("e", 1, (Container("k"), Container("s", on_disconnect=STOP)), 3)
BOTH = {name: UnitState("demo", ready=True) for name in "ks"}
CUT = "cut off for 3.4 s, lease 3 s, on_disconnect stop"


def test_what_the_lease_ran_out_for_is_stopped_before_anybody_is_asked(journal):
    plane, systemd = FakePlane(Answer(SAFE), SAFE, (CUT, "")), FakeSystemd(BOTH)
    (task,) = tick(plane, systemd, journal)
    assert journal.said[:2] == ["RECONCILIATION: 1 to stop, 0 to start", f"STOP s: {CUT}"]
    assert plane.asked == [{"k": UnitState("demo", ready=True)}]
    # The answer renewed the lease, so it is wanted again.
    assert (task.act, task.container.name) == (Act.START, "s")


def test_a_lease_that_runs_out_while_nobody_answers_stops_only_what_asked_for_it(journal):
    away = Answer(SAFE, "API unreachable", "12:03:10")
    systemd = FakeSystemd(BOTH)
    tick(FakePlane(away, SAFE, ("", CUT)), systemd, journal)
    assert systemd.observed().keys() == {"k"}
    assert journal.said[-1] == f"STOP s: {CUT}"
    tick(FakePlane(away, SAFE, (CUT, CUT)), systemd, journal)
    assert systemd.observed().keys() == {"k"}


def test_a_systemd_that_refuses_to_stop_keeps_no_pass_from_asking(journal):
    plane, systemd = FakePlane(Answer(SAFE), SAFE, (CUT, "")), FakeSystemd(BOTH)
    systemd.refuses = LabError("no", hint="ask again")
    assert tick(plane, systemd, journal) == ()
    assert (plane.asked, journal.said[2]) == ([BOTH], "no\nhint: ask again")
