import pytest

from services.agent.narrator import Narrator
from services.agent.tick import tick
from services.core.errors import LabError
from services.core.model import Act, Container, Desired, UnitState
from tests.fakes import FakeSystemd


class FakePlane:
    def __init__(self, desired):
        self.answer = desired
        self.asked: list[dict] = []
        self.reported: list[dict] = []

    def desired(self, observed):
        self.asked.append(dict(observed))
        return self.answer

    def report(self, observed):
        self.reported.append(dict(observed))


class NotedNarrator(Narrator):
    def __init__(self, file):
        self.lines: list[str] = []
        super().__init__(file, lambda text: self.lines.extend(text.split("\n")))


@pytest.fixture
def narrator(tmp_path):
    return NotedNarrator(str(tmp_path / "said.json"))


A = Desired({"a": Container("a")}, revision=1)
READY = UnitState("demo", ready=True)
CUT = "cut off for 3.4 s, lease 3 s, on_disconnect stop"


def test_a_pass_that_changed_something_reports_twice(narrator):
    plane, systemd = FakePlane(A), FakeSystemd()
    (task,) = tick(plane, systemd, narrator)
    assert (task.act, task.container) == (Act.START, Container("a"))
    assert plane.asked == [{}]
    assert plane.reported == [{"a": UnitState("demo", ready=False)}]


def test_a_converged_pass_asks_once_and_touches_nothing(narrator):
    plane, systemd = FakePlane(A), FakeSystemd({"a": READY})
    assert tick(plane, systemd, narrator) == ()
    assert (len(plane.asked), plane.reported, systemd.performed) == (1, [], [])
    assert narrator.lines == ["converged (1 container)"]


def test_not_to_know_what_to_run_does_not_mean_to_run_nothing(narrator):
    systemd = FakeSystemd({"a": READY})
    assert tick(FakePlane(Desired(None, outage="API unreachable")), systemd, narrator) == ()
    assert systemd.observed().keys() == {"a"}
    line = "API unreachable, no local state: leaving everything as it is"
    assert narrator.lines == [line]


def test_an_outage_is_reconciled_as_any_other_time(narrator):
    systemd = FakeSystemd({"fake": READY})
    tick(FakePlane(A._replace(outage="API unreachable", since="12:03:10")), systemd, narrator)
    assert systemd.observed().keys() == {"a"}
    assert narrator.lines[0] == "API unreachable, using local state from 12:03:10"


def test_what_is_withheld_is_stopped_for_the_reason_why(narrator):
    systemd = FakeSystemd({"a": READY, "s": READY})
    tick(FakePlane(A._replace(withheld={"s": CUT})), systemd, narrator)
    assert systemd.observed().keys() == {"a"}
    assert narrator.lines == ["RECONCILIATION: 1 to stop, 0 to start", f"STOP s: {CUT}"]


def test_what_systemd_refused_was_narrated_is_reported_and_is_raised(narrator):
    plane, systemd = FakePlane(A), FakeSystemd()
    systemd.refuses = LabError("no")
    for _ in range(2):
        with pytest.raises(LabError):
            tick(plane, systemd, narrator)
    assert narrator.lines[-1] == "START a: assigned here but not running"
    assert plane.reported == [{}, {}]
