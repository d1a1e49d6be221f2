import pytest

from services.agent.journal import Journal
from services.agent.tick import tick
from services.core.errors import LabError
from services.core.follow import Answer
from services.core.model import Act, Assignment, Container, UnitState
from tests.fakes import FakeSystemd


class FakePlane:
    def __init__(self, answer):
        self.answer = answer
        self.asked: list[dict] = []
        self.reported: list[dict] = []

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
