"""What a client saw, on histories made by hand: an answer, none, or no question at all."""

import pytest

from lab.experiment.check.traces import Amount
from tests.experiment.histories import NODES, Made
from tests.experiment.test_checks import all_checks


def running(*, error_s=0.0):
    """`a` runs on node1 all the time."""
    made = Made(error_s=error_s).runs(1, "node1", "a").runs(1, "node2").runs(1, "node3")
    return made.wanted(1, "a").claims(2, {"a": "node1"}).steady(3)


def reachable(made, **options):
    return all_checks(made, **options)["reachable"]


def about(amount):
    return Amount(*(pytest.approx(value) for value in amount))


def test_a_container_that_always_answers_is_reachable():
    found = reachable(running().asks(2, 40, "node1"))
    assert found.holds is True
    assert "asked every 1.0 s" in found.text


def test_what_was_not_asked_is_unknown():
    assert reachable(running()).holds is None


def test_where_nothing_was_wanted_nothing_is_known_to_be_reachable():
    made = Made().runs(1, "node1", "a").runs(1, "node2").runs(1, "node3").steady(3)
    assert reachable(made).holds is None


@pytest.mark.parametrize(("again_s", "holds"), [(14, True), (14.2, None), (30, None)])
def test_a_pause_between_questions_that_is_longer_than_the_rate_allows_is_unknown(again_s, holds):
    # Each second, with a patience of a second: three seconds after an answer it is unknown.
    made = running().asks(2, 12, "node1").asks(again_s, 40, "node1")
    assert reachable(made).holds is holds


def test_what_is_not_asked_any_more_is_unknown():
    assert reachable(running().asks(2, 35, "node1")).holds is None


def test_one_question_in_vain_is_a_gap_as_long_as_the_questions_around_it_allow():
    made = running().asks(2, 10, "node1").asks(10, 11, "node1", ok=False).asks(11, 40, "node1")
    found = reachable(made)
    assert found.holds is False
    assert found.amount == about((0.1, 2.1))
    assert [line.split(" s:")[0] for line in found.evidence] == ["9.100", "10.100", "11.100"]


def test_a_process_that_runs_and_does_not_answer_is_not_reachable():
    made = running().asks(2, 10, "node1").asks(10, 40, "node1", ok=False)
    findings = all_checks(made)
    assert findings["never-gone"].holds is True
    assert findings["reachable"].holds is False
    assert findings["reachable"].amount == about((30, 31))


def test_what_did_not_run_between_two_answers_cannot_have_answered():
    made = running().asks(2, 40, "node1").runs(10.3, "node1").runs(10.7, "node1", "a")
    assert reachable(made).amount == about((0.4, 0.4))


def test_a_gap_of_which_it_is_unknown_whether_there_was_one_is_unknown():
    made = running(error_s=0.3).asks(2, 40, "node1").runs(10.3, "node1").runs(10.7, "node1", "a")
    assert all_checks(made)["never-gone"].holds is None
    # Both questions were answered.
    assert reachable(made).holds is True


def test_it_may_answer_anywhere():
    made = running().asks(2, 40, "node1").runs(12, "node2", "a").asks(12.2, 40, "node2")
    made.runs(15, "node1")
    assert reachable(made.asks(15, 18, "node1", ok=False)).holds is True


def test_before_its_first_answer_a_container_is_being_started():
    made = running().asks(2, 40, "node1").wanted(10, "a", "b").runs(12, "node2", "b")
    made.asks(12.1, 15, "node2", "b", ok=False).asks(15.1, 40, "node2", "b")
    assert reachable(made).holds is True


def test_one_answer_before_the_fault_is_enough_to_be_missed():
    made = running().asks(2, 2.5, "node1").asks(3.5, 20, "node1", ok=False)
    # Judged from 3 s on. The last one in vain ends at 19.6 s; a second later it has answered.
    assert reachable(made.asks(20.5, 40, "node1")).amount == about((16.1, 17.6))


def test_a_container_that_is_declared_again_is_being_started_again():
    made = running().asks(2, 40, "node1").wanted(10, "a", "b").runs(10, "node2", "b")
    made.asks(10.1, 20, "node2", "b").wanted(20, "a").runs(20.1, "node2")
    made.wanted(22, "a", "b").runs(24, "node2", "b")
    made.asks(20.2, 25, "node2", "b", ok=False).asks(25.2, 40, "node2", "b")
    assert reachable(made).holds is True


@pytest.mark.parametrize("at_s", [15.1, 15.1037, 15.1185])
def test_the_first_answer_is_exact(at_s):
    made = running().asks(2, 40, "node1").wanted(10, "a", "b").runs(12, "node2", "b")
    made.asks(12.2019, 14, "node2", "b", ok=False).asks(at_s, 40, "node2", "b")
    assert reachable(made).holds is True


def test_a_container_that_never_answers_is_a_gap():
    made = running().asks(2, 40, "node1").wanted(10, "a", "b").runs(12, "node2", "b")
    made.asks(12.1, 40, "node2", "b", ok=False)
    # Right after its start it was not asked yet.
    assert reachable(made).amount == about((27.9, 30))
    made = running().asks(2, 40, "node1").wanted(10, "a", "b")
    assert reachable(made).amount == about((30, 30))


def test_what_is_taken_back_is_not_missed():
    made = running().asks(2, 12, "node1")
    made.put(12, "wanted", 1, mode="pull", names=[], doubtful=[], command="")
    assert reachable(made.runs(11.5, "node1").asks(12, 40, "node1", ok=False)).holds is True


@pytest.mark.parametrize(("seen", "holds"), [(NODES, True), (NODES[:2], True), (NODES[1:], True)])
def test_who_answers_need_not_be_looked_at(seen, holds):
    assert reachable(running().asks(2, 40, "node1"), seen=seen).holds is holds


def test_where_it_may_have_run_and_was_not_asked_it_may_have_answered():
    made = running().asks(2, 10, "node1").runs(10, "node1").asks(10, 40, "node1", ok=False)
    assert reachable(made, seen=NODES[:2]).holds is None


def test_without_a_rate_nothing_is_known():
    made = running().asks(2, 40, "node1")
    made.records = [record for record in made.records if record.kind != "rate"]
    assert reachable(made).holds is None
