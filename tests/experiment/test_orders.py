"""What an order changes while it is under way, and when it is not answered."""

import pytest

from tests.experiment.test_checks import all_checks, running


def order(made, at_s, error_s, *names):
    """An order under way for twice error_s, and then acknowledged."""
    return made.put(
        at_s, "wanted", error_s, mode="pull", names=list(names), doubtful=[], command=""
    )


def test_what_starts_while_its_order_is_under_way_is_not_missed():
    made = order(running().fault(9, "node3"), 11, 1, "a", "b")
    findings = all_checks(made.runs(11.5, "node2", "b"))
    assert findings["never-gone"].holds is True
    assert findings["repaired"].holds is True


def test_what_starts_while_its_order_is_under_way_and_ends_may_have_been_missed():
    made = order(running(), 11, 1, "a", "b").runs(11.2, "node2", "b").runs(11.4, "node2")
    assert all_checks(made.runs(11.8, "node2", "b"))["never-gone"].holds is None
    made = order(running(), 11, 1, "a", "b").runs(11.2, "node2", "b").runs(12.4, "node2")
    assert all_checks(made.runs(12.8, "node2", "b"))["never-gone"].holds is False


def test_what_is_taken_back_is_not_missed_while_the_order_is_under_way():
    made = order(running(), 11, 1).runs(11.5, "node1")
    assert all_checks(made)["never-gone"].holds is True
    made = order(running().runs(9.5, "node1"), 11, 1)
    assert all_checks(made)["never-gone"].holds is False


@pytest.mark.parametrize("runs", [True, False])
@pytest.mark.parametrize(
    ("name", "node"), [("b", "node2"), ("a", "node1")], ids=["asked for", "taken back"]
)
def test_what_was_ordered_without_an_answer_may_run_or_not(name, node, runs):
    made = running().fault(10, "node3")
    made.put(11, "wanted", 1, mode="pull", names=["a"], doubtful=[name], command="")
    findings = all_checks(made.runs(14, node, *([name] if runs else [])))
    assert findings["no-strays"].holds is (None if runs else True)
    assert findings["never-gone"].holds is True
    assert findings["repaired"].holds is True
