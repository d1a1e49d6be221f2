from hypothesis import given
from hypothesis import strategies as st

from services.core.lease import (
    CUT_OFF,
    NEVER_HEARD,
    NO_LEASE,
    Lease,
    Moment,
    cut_off,
    may_run,
    only_withheld_stops,
)
from services.core.model import KEEP, STOP, Act, Assignment, Container, Desired, UnitState
from services.core.reconcile import reconcile
from tests.core.strategies import assignments, observed_maps

LEASE = Lease(Moment(100.0), 3.0)
SAFE = Assignment("e", 1, (Container("k"), Container("s", on_disconnect=STOP)), 3)
READY = UnitState("demo", ready=True)
BOTH = dict.fromkeys("ks", READY)
REASON = "cut off for 3.4 s, lease 3 s, on_disconnect stop"
reasons = st.sampled_from(["", REASON])


def test_a_lease_holds_until_it_is_over_and_then_says_for_how_long():
    assert cut_off(LEASE, Moment(100.0)) == ""
    assert cut_off(LEASE, Moment(102.999)) == ""
    assert cut_off(LEASE, Moment(103.0)) == CUT_OFF.format(silent_s=3, lease_s=3)
    assert cut_off(LEASE, Moment(103.4)) == REASON


def test_without_a_lease_of_this_boot_nothing_that_must_not_run_twice_runs():
    assert cut_off(None, Moment(100.0)) == NEVER_HEARD
    assert cut_off(LEASE, Moment(99.9)) == NEVER_HEARD


def test_a_machine_that_was_paused_goes_by_the_clock_that_went_on():
    lease = Lease(Moment(100.0, 5000), 3.0)
    assert cut_off(lease, Moment(100.1, 5003)) == ""  # of two whole seconds, one may be the error
    assert cut_off(lease, Moment(100.1, 5004)) == CUT_OFF.format(silent_s=3, lease_s=3)
    assert cut_off(lease, Moment(103.4, 5001)) == REASON
    assert cut_off(lease, Moment(102.9, 0)) == ""  # the other clock is gone
    assert cut_off(lease, Moment(102.9, 4000)) == ""  # or was set back


def test_of_an_older_assignment_only_what_must_not_run_matters():
    fake = {"fake": READY, "s": READY}
    older = may_run(SAFE, REASON, newest=False)
    assert [task.container.name for task in reconcile(older, fake)] == ["s"]
    assert reconcile(may_run(SAFE, "", newest=False), fake) == ()


def test_a_server_that_grants_no_lease_grants_none():
    assert cut_off(Lease(Moment(100.0), 0.0), Moment(100.0)) == NO_LEASE


def test_only_containers_that_asked_for_it_stop_with_the_lease_as_the_reason():
    desired = may_run(SAFE, REASON)
    (task,) = reconcile(desired, BOTH)
    assert (task.act, task.container.name, task.reason) == (Act.STOP, "s", REASON)
    assert reconcile(only_withheld_stops(desired, BOTH), BOTH) == (task,)


def test_what_the_lease_is_not_the_reason_for_can_wait():
    observed = {"fake": READY, "s": UnitState("nginx", ready=True)}
    urgent = only_withheld_stops(may_run(SAFE, REASON), observed)
    assert [task.container.name for task in reconcile(urgent, observed)] == ["s"]
    for desired in (may_run(SAFE, ""), may_run(None, REASON)):
        assert only_withheld_stops(desired, observed) is None
    assert only_withheld_stops(may_run(SAFE, REASON), {"fake": READY}) is None


@given(assignments)
def test_while_the_lease_holds_all_that_is_assigned_may_run(assignment):
    assigned = {container.name: container for container in assignment.containers}
    assert may_run(assignment, "") == Desired(assigned, {}, assignment.revision)


@given(assignments, observed_maps)
def test_without_it_the_plan_is_that_of_an_assignment_without_them(assignment, observed):
    kept = tuple(item for item in assignment.containers if item.on_disconnect == KEEP)
    expected = reconcile(may_run(assignment._replace(containers=kept), ""), observed)
    tasks = reconcile(may_run(assignment, REASON), observed)
    assert [task._replace(reason="") for task in tasks] == [
        task._replace(reason="") for task in expected
    ]


@given(observed_maps, reasons)
def test_without_any_assignment_nothing_is_touched(observed, reason):
    assert reconcile(may_run(None, reason), observed) == ()
