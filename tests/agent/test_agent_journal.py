import pytest

from services.agent.journal import Journal, Said, tell
from services.core.follow import Answer
from services.core.model import Act, Assignment, Container, Task

TWO = Assignment("e", 12, (Container("a"), Container("b")))
ONE = Assignment("e", 13, (Container("a"),))
AWAY = "API unreachable"
FROM = "API unreachable, using local state from 12:03:10"
PLAN = (
    Task(Act.STOP, Container("fake"), "not assigned here"),
    Task(Act.START, Container("nginx"), "assigned here but not running"),
    Task(Act.START, Container("web"), "assigned here but not running"),
)


@pytest.fixture
def passes():
    """passes((at_s, answer, tasks), …) -> what each pass says."""

    def passes(*each):
        said, told = Said(), []
        for at_s, answer, tasks in each:
            said, lines = tell(said, answer, tasks, now_s=at_s)
            told.append(lines)
        return told

    return passes


def test_a_plan_is_told_task_by_task_with_its_reasons(passes):
    assert passes((0, Answer(TWO), PLAN)) == [
        [
            "RECONCILIATION: 1 to stop, 2 to start",
            "STOP fake: not assigned here",
            "START nginx: assigned here but not running",
            "START web: assigned here but not running",
        ]
    ]


def test_convergence_is_told_once_and_when_it_differs(passes):
    told = passes((0, Answer(TWO), ()), (1, Answer(TWO), ()), (2, Answer(ONE), ()))
    assert told == [["converged (2 containers)"], [], ["converged (1 container)"]]


def test_convergence_is_told_again_after_a_reconciliation(passes):
    told = passes((0, Answer(TWO), ()), (1, Answer(TWO), PLAN), (2, Answer(TWO), ()))
    assert told[2] == ["converged (2 containers)"]


def test_an_outage_is_told_when_it_begins_and_every_minute(passes):
    away = Answer(TWO, AWAY, "12:03:10")
    told = passes((0, Answer(TWO), ()), *((at_s, away, ()) for at_s in (5, 10, 64, 65, 66)))
    begin = [FROM, "converged (2 containers)"]
    assert told[1:] == [begin, [], [], begin, []]


def test_the_end_of_an_outage_is_told_with_the_revision(passes):
    told = passes(
        (0, Answer(TWO, AWAY, "12:03:10"), ()), (1, Answer(TWO), ()), (2, Answer(TWO), ())
    )
    back = ["API is back, re-synchronised at revision 12", "converged (2 containers)"]
    assert told[1:] == [back, []]


def test_an_outage_with_nothing_kept_touches_nothing_and_says_so(passes):
    told = passes((0, Answer(None, AWAY), ()), (1, Answer(None, AWAY), ()))
    assert told == [["API unreachable, no local state: leaving everything as it is"], []]


def test_a_plan_in_an_outage_is_told_under_it(passes):
    (lines,) = passes((0, Answer(TWO, AWAY, "12:03:10"), PLAN))
    assert lines[:2] == [FROM, "RECONCILIATION: 1 to stop, 2 to start"]


def test_another_reason_is_told_at_once(passes):
    refused = Answer(TWO, "API answered 503: cannot write", "12:03:10")
    told = passes((0, Answer(TWO, AWAY, "12:03:10"), ()), (1, refused, ()))
    assert told[1][0] == "API answered 503: cannot write, using local state from 12:03:10"


def test_after_a_reboot_an_outage_is_told_again(passes):
    away = Answer(TWO, AWAY, "12:03:10")
    assert passes((9000, away, ()), (12, away, ()))[1][0] == FROM


def test_what_was_said_is_remembered_between_passes(tmp_path):
    said: list[str] = []
    for _ in range(3):
        Journal(str(tmp_path / "said.json"), said.append).record(Answer(TWO), ())
    assert said == ["converged (2 containers)"]


@pytest.mark.parametrize(
    "content", ["", "{}", "[1]", '["a", "b", "c"]', "\x00", "null", "[1,2,3,4]"]
)
def test_a_spoiled_memory_only_says_things_twice(tmp_path, content):
    (tmp_path / "said.json").write_text(content)
    said: list[str] = []
    Journal(str(tmp_path / "said.json"), said.append).record(Answer(TWO), ())
    assert said == ["converged (2 containers)"]


def test_a_memory_that_cannot_be_written_stops_no_pass(tmp_path):
    said: list[str] = []
    Journal(str(tmp_path / "gone" / "said.json"), said.append).record(Answer(TWO), PLAN)
    assert len(said) == 4
