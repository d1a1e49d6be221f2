import pytest

from services.agent.queued import Queued
from services.core.model import Act, Container, Task, UnitState
from services.core.reconcile import MISSING, STALE, UNWANTED

START = Task(Act.START, Container("a", "nginx"), MISSING)
STOP = Task(Act.STOP, Container("a", "nginx"), UNWANTED)
THERE = {"a": UnitState("nginx", ready=True)}
COMING = {"a": UnitState("nginx", ready=False)}


@pytest.fixture
def queued():
    return Queued(1.0)


def test_what_may_start_any_moment_counts_as_there_but_not_as_ready(queued):
    queued.note([START], 10.0)
    assert queued.with_starting({}, 10.9) == COMING
    assert queued.with_starting(THERE, 10.9) == THERE


def test_what_did_not_start_in_time_is_not_there(queued):
    queued.note([START], 10.0)
    assert queued.with_starting({}, 11.0) == {}


def test_what_was_stopped_since_starts_no_more(queued):
    queued.note([START], 10.0)
    queued.note([STOP], 10.1)
    assert queued.with_starting({}, 10.2) == {}


def test_a_stop_is_not_asked_for_twice_at_once(queued):
    assert queued.fresh([STOP], 10.0) == (STOP,)
    queued.note([STOP], 10.0)
    assert queued.fresh([STOP], 10.9) == ()
    assert queued.fresh([STOP], 11.0) == (STOP,)


def test_a_stop_of_what_was_started_since_is_another_one(queued):
    queued.note([STOP, START], 10.0)
    assert queued.fresh([STOP], 10.1) == (STOP,)


def test_a_restart_is_done_as_a_whole(queued):
    queued.note([STOP], 10.0)
    restart = (Task(Act.STOP, Container("a"), STALE), START)
    assert queued.fresh(restart, 10.1) == restart
