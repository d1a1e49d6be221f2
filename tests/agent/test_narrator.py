import pytest

from services.agent.narrator import Narrated, Narrator, narrate
from services.core.model import Act, Container, Desired, Task, UnitState

TWO = Desired({"a": Container("a"), "b": Container("b")}, revision=12)
ONE = Desired({"a": Container("a")}, revision=13)
AWAY = TWO._replace(outage="API unreachable", since="12:03:10")
NEVER = Desired(None, outage="API unreachable")
FROM = "API unreachable, using local state from 12:03:10"
PLAN = (
    Task(Act.STOP, Container("fake"), "not assigned here"),
    Task(Act.START, Container("nginx"), "assigned here but not running"),
    Task(Act.START, Container("web"), "assigned here but not running"),
)


def into(lines):
    """What to `say` with: text goes into `lines`, line by line."""
    return lambda text: lines.extend(text.split("\n"))


@pytest.fixture
def passes():
    """passes((at_s, desired, tasks), …) -> the lines of each pass."""

    def passes(*each):
        before, narrated = Narrated(), []
        for at_s, desired, tasks in each:
            before, lines = narrate(before, desired, {}, tasks, now_s=at_s)
            narrated.append(lines)
        return narrated

    return passes


def test_a_plan_is_told_task_by_task_with_its_reasons(passes):
    assert passes((0, TWO, PLAN)) == [
        [
            "RECONCILIATION: 1 to stop, 2 to start",
            "STOP fake: not assigned here",
            "START nginx: assigned here but not running",
            "START web: assigned here but not running",
        ]
    ]


def test_convergence_is_told_once_and_when_it_differs(passes):
    narrated = passes((0, TWO, ()), (1, TWO, ()), (2, ONE, ()))
    assert narrated == [["converged (2 containers)"], [], ["converged (1 container)"]]


@pytest.mark.parametrize("job", Act)
def test_what_systemd_still_works_on_is_no_convergence(job):
    at_work = {"a": UnitState("demo", ready=False, job=job)}
    assert narrate(Narrated(), TWO, at_work, (), now_s=0) == (Narrated(), [])


def test_convergence_is_told_again_after_a_reconciliation(passes):
    narrated = passes((0, TWO, ()), (1, TWO, PLAN), (2, TWO, ()))
    assert narrated[2] == ["converged (2 containers)"]


def test_an_outage_is_told_when_it_begins_and_every_minute(passes):
    narrated = passes((0, TWO, ()), *((at_s, AWAY, ()) for at_s in (5, 10, 64, 65, 66)))
    begin = [FROM, "converged (2 containers)"]
    assert narrated[1:] == [begin, [], [], begin, []]


def test_the_end_of_an_outage_is_told_with_the_revision(passes):
    narrated = passes((0, AWAY, ()), (1, TWO, ()), (2, TWO, ()))
    back = ["API is back, re-synchronised at revision 12", "converged (2 containers)"]
    assert narrated[1:] == [back, []]


def test_an_outage_with_nothing_kept_touches_nothing_and_says_so(passes):
    narrated = passes((0, NEVER, ()), (1, NEVER, ()))
    assert narrated == [["API unreachable, no local state: leaving everything as it is"], []]


def test_a_plan_in_an_outage_is_told_under_it(passes):
    (lines,) = passes((0, AWAY, PLAN))
    assert lines[:2] == [FROM, "RECONCILIATION: 1 to stop, 2 to start"]


def test_another_reason_is_told_at_once(passes):
    refused = AWAY._replace(outage="API answered 503: cannot write")
    narrated = passes((0, AWAY, ()), (1, refused, ()))
    assert narrated[1][0] == "API answered 503: cannot write, using local state from 12:03:10"


def test_after_a_reboot_an_outage_is_told_again(passes):
    assert passes((9000, AWAY, ()), (12, AWAY, ()))[1][0] == FROM


def test_what_was_said_is_remembered_between_passes(tmp_path):
    said: list[str] = []
    for _ in range(3):
        Narrator(str(tmp_path / "said.json"), into(said)).record(TWO, {}, ())
    assert said == ["converged (2 containers)"]


@pytest.mark.parametrize(
    "content", ["", "{}", "[1]", '["a", "b", "c"]', "\x00", "null", "[1,2,3,4]", "[" * 100_000]
)
def test_a_spoiled_memory_only_says_things_twice(tmp_path, content):
    (tmp_path / "said.json").write_text(content)
    said: list[str] = []
    Narrator(str(tmp_path / "said.json"), into(said)).record(TWO, {}, ())
    assert said == ["converged (2 containers)"]


def test_a_memory_that_cannot_be_written_stops_no_pass(tmp_path):
    said: list[str] = []
    Narrator(str(tmp_path / "gone" / "said.json"), into(said)).record(TWO, {}, PLAN)
    assert len(said) == 4
