"""Each check, on histories made by hand whose answers are known."""

import pytest

from lab.experiment.check.judge import CHECKS, judge
from lab.experiment.check.traces import Amount
from tests.experiment.histories import LEASE_S, NODES, Made, healed, lost


def found(history, mode="pull"):
    """Check -> its finding, of a history that expects anything of all checks."""
    results = [result for result in judge(history).modes if result.mode == mode]
    return {judged.finding.check: judged.finding for judged in results[0].checks}


def all_checks(made, end_s=40, mode="pull", **options):
    begin = made.records[0].fields["experiment"]
    begin["expected"][mode]["checks"].update(dict.fromkeys(CHECKS, True))
    return found(made.end(end_s, **options), mode)


def running(**options):
    """`a` runs on node1, and all is well."""
    made = Made(**options).runs(1, "node1", "a").runs(1, "node2").runs(1, "node3")
    return made.wanted(1, "a").claims(2, {"a": "node1"}).steady(3)


def holds(findings):
    return {check: finding.holds for check, finding in findings.items()}


def test_pull_heals():
    findings = all_checks(healed())
    no = {"never-gone": False, "honest": False, "reachable": False}
    assert holds(findings) == {**dict.fromkeys(CHECKS, True), **no}
    amounts = {check: f.amount.middle_s for check, f in findings.items() if f.amount}
    seconds = {"repaired": 6, "never-gone": 6, "noticed": 4, "moved": 5, "honest": 4}
    assert amounts == {**seconds, "reachable": pytest.approx(6.8)}


def test_push_loses():
    findings = all_checks(lost(), mode="push")
    no = dict.fromkeys(["repaired", "never-gone", "moved", "nothing-lost", "reachable"], False)
    assert holds(findings) == {**dict.fromkeys(CHECKS, True), **no}
    assert findings["never-gone"].amount == Amount(30, 30)
    assert findings["noticed"].amount == Amount(1, 1)


def test_the_errors_of_records_are_in_the_seconds():
    findings = all_checks(healed(error_s=0.5))
    assert findings["repaired"].amount == Amount(5.5, 6.5)
    assert findings["noticed"].amount == Amount(3.5, 4.5)


def test_the_evidence_is_what_it_follows_from():
    findings = all_checks(healed())
    assert findings["never-gone"].evidence == (
        "10.000 s: machine: machine node1, state off",
        "16.000 s: runs: node node2, mode pull, containers a",
    )
    assert findings["noticed"].evidence[0].startswith("14.000 s: claims")


def test_a_container_that_ran_twice_shows_for_how_long():
    made = running().fault(10, "node1", fault="partition").runs(15, "node2", "a")
    findings = all_checks(made.runs(18, "node1"))
    assert findings["never-twice"].holds is False
    assert findings["never-twice"].amount == Amount(3, 3)
    assert findings["repaired"].holds is True
    assert findings["never-gone"].holds is True


def test_twice_at_the_end_is_not_repaired():
    findings = all_checks(running().fault(10, "node1").runs(15, "node2", "a"))
    assert findings["repaired"].holds is False


@pytest.mark.parametrize(
    ("gap_s", "error_s", "never_gone"),
    [(0.3, 0.0, False), (0.3, 0.2, None), (0.5, 0.2, False), (None, 0.2, True)],
)
def test_a_gap_shorter_than_the_error_is_unknown(gap_s, error_s, never_gone):
    made = running(error_s=error_s).fault(10, "node1", fault="kill-container")
    if gap_s:
        made.runs(10, "node1").runs(10 + gap_s, "node1", "a")
    findings = all_checks(made)
    assert findings["never-gone"].holds is never_gone
    # It runs again, whatever was in between.
    assert findings["repaired"].holds is True


def test_a_container_that_was_declared_and_never_ran_is_a_gap():
    findings = all_checks(running().wanted(10, "a", "b").claims(11, {"a": "node1", "b": None}))
    assert findings["never-gone"].amount == Amount(30, 30)
    assert findings["repaired"].holds is False
    assert "b " in findings["repaired"].text


@pytest.mark.parametrize("error_s", [0.0, 0.3])
def test_the_start_of_a_container_is_no_gap(error_s):
    made = running(error_s=error_s).wanted(10, "a", "b").runs(14, "node2", "b")
    findings = all_checks(made)
    assert findings["never-gone"].holds is True
    assert findings["repaired"].holds is True


@pytest.mark.parametrize(("stop_s", "never_gone"), [(14.2, None), (15.0, False)])
def test_a_gap_right_after_the_start_may_hide_in_the_error(stop_s, never_gone):
    made = running(error_s=0.3).wanted(10, "a", "b").runs(14, "node2", "b")
    made.runs(stop_s, "node2").runs(stop_s + (stop_s - 14), "node2", "b")
    assert all_checks(made)["never-gone"].holds is never_gone


def test_a_container_that_may_have_started_late_or_never_is_unknown():
    made = running().wanted(10, "a", "b").fault(10, "node3")
    for node in NODES:
        made.looked(12, node)
    findings = all_checks(made, seen=())
    assert findings["never-gone"].holds is None
    assert findings["never-gone"].amount.least_s == 0


def test_a_deleted_container_is_not_missed_and_is_a_stray_while_it_runs():
    findings = all_checks(running().wanted(10).runs(12, "node1"))
    assert findings["never-gone"].holds is True
    assert findings["no-strays"].holds is True
    assert findings["no-strays"].amount == Amount(2, 2)


def test_what_runs_while_its_order_is_under_way_is_no_stray():
    findings = all_checks(running().runs(10, "node2", "b").wanted(12, "a", "b"))
    assert findings["no-strays"].amount is None


def test_a_repair_is_counted_from_the_fault_that_made_it_necessary():
    made = running().fault(10, "api", fault="stop-api").fault(30, "node1", fault="kill-container")
    made.runs(30.2, "node1").runs(31, "node1", "a")
    assert all_checks(made)["repaired"].amount == Amount(1, 1)


def test_a_stray_that_runs_at_the_end():
    findings = all_checks(running().fault(10, "node2", fault="corrupt").runs(10, "node2", "fake"))
    assert findings["no-strays"].holds is False
    assert findings["no-strays"].amount == Amount(30, 30)


def test_what_ran_before_the_steady_state_does_not_count():
    made = Made().runs(0.5, "node2", "old").runs(1, "node1", "a").runs(1.5, "node2")
    made.runs(1, "node3").wanted(1, "a").claims(2, {"a": "node1"}).steady(3)
    assert all_checks(made)["no-strays"].amount is None


def test_a_repair_by_a_person_is_no_repair():
    made = lost().human(36, "started a by hand").wanted(36, "a", mode="push")
    findings = all_checks(made.runs(37, "node1", "a", mode="push"), mode="push")
    assert findings["repaired"].holds is False
    assert "before a person acted" in findings["repaired"].text
    assert findings["no-hands"].holds is False


def test_what_a_person_does_after_the_repair_or_before_the_fault_does_not_matter():
    made = healed().human(5, "looked").human(36, "looked again")
    assert holds(all_checks(made))["repaired"] is True
    made = healed().human(5, "looked")
    assert all_checks(made)["no-hands"].holds is True


def test_an_api_may_be_wrong_for_a_lease_and_no_longer():
    for late_s, honest in [(LEASE_S - 0.5, True), (LEASE_S + 0.5, False)]:
        made = running().fault(10, "node1").machine(10, "node1", "off")
        made.claims(10 + late_s, {"a": None}, running=[])
        findings = all_checks(made.claims(26, {"a": None}, running=[]))
        assert findings["honest"].holds is honest
        assert findings["honest"].amount == Amount(late_s, late_s)


def test_whether_something_moved_is_unknown_if_it_is_not_known_where_it_was():
    made = Made().runs(1, "node1", "a").wanted(1, "a").steady(3).fault(9, "node1")
    assert all_checks(made.claims(12, {"a": "node2"}))["moved"].holds is None
    assert all_checks(running().fault(9, "node2"))["moved"].holds is None


def test_what_pull_wants_is_no_claim_that_it_runs():
    made = running().fault(10, "node1").machine(10, "node1", "off")
    made.claims(12, {"a": "node1"}, running=[]).claims(25, {"a": "node1"}, running=[])
    assert all_checks(made)["honest"].amount == Amount(2, 2)


def test_an_api_that_does_not_answer():
    made = running().fault(10, "api", fault="stop-api").claims(11, {}, ok=False)
    findings = all_checks(made.claims(15, {"a": "node1"}).claims(29, {"a": "node1"}))
    assert findings["answers"].holds is False
    assert findings["answers"].amount == Amount(4, 4)
    assert findings["nothing-lost"].holds is True
    # No node was hit, so nothing was to be noticed or moved.
    assert (findings["noticed"].holds, findings["moved"].holds) == (None, None)


def test_the_list_of_an_api_that_does_not_answer_at_the_end_is_unknown():
    made = running().fault(10, "api", fault="stop-api").claims(30, {}, ok=False)
    assert all_checks(made)["nothing-lost"].holds is None


def test_an_api_that_was_not_asked_is_unknown():
    made = Made().runs(1, "node1", "a").wanted(1, "a").steady(3).fault(9, "node1")
    findings = all_checks(made.machine(9, "node1", "off"))
    silent = ("noticed", "moved", "honest", "nothing-lost", "answers")
    assert [findings[check].holds for check in silent] == [None] * 5


def test_nodes_that_were_not_looked_at_leave_all_about_them_unknown():
    findings = all_checks(running().fault(10, "node1").wanted(20, "b"), seen=())
    about = ("repaired", "never-gone", "never-twice", "no-strays")
    assert [findings[check].holds for check in about] == [None] * 4


def test_one_unseen_node_hides_what_may_run_there_and_nothing_else():
    made = running().fault(10, "node1").machine(10, "node1", "off").runs(16, "node2", "a")
    findings = all_checks(made, seen=NODES[:2])
    assert findings["never-gone"].holds is None
    assert findings["never-twice"].holds is None
    assert findings["repaired"].holds is None


def test_seconds_of_each_container():
    result = judge(healed().end(40)).modes[0].containers[0]
    assert result.name == "a"
    assert (result.gone, result.wrong, result.twice) == (Amount(6, 6), Amount(6, 6), Amount(0, 0))
