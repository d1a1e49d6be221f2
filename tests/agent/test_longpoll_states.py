"""How the state server is asked, and what moves the long poll from one way to another."""

import pytest

from services.agent.longpoll import LOOK_S, TRANSITIONS, PollOutcome, PollState
from services.core import wire
from services.core.errors import ApiRefused
from services.lib.http_client import Reply
from tests.agent.fake_lab import AWAY, NOT_FOUND, UNCHANGED, A, Exchange, listen


def test_a_look_comes_when_the_lease_runs_out_and_not_after_it(poll, lab, plane):
    listen(poll, lab, 2)
    lab.desired = lambda etag, wait_s: Exchange(lab, UNCHANGED, 50)  # it hangs
    listen(poll, lab, 1.5)
    for _ in range(30):
        left_s = plane.local.lease_left_s()
        assert poll.wait(False)
        if 0 < left_s < LOOK_S:
            break
    assert plane.local.lease_left_s() == pytest.approx(0, abs=1e-6)


def test_the_table_of_transitions_has_every_state_and_a_way_out_of_each():
    assert {state for state, _ in TRANSITIONS} == set(PollState) == set(TRANSITIONS.values())
    for state in PollState:
        assert (state, PollOutcome.ANSWERED) in TRANSITIONS
        assert TRANSITIONS[state, PollOutcome.FAILED] is PollState.RETRYING
    # Heartbeats are known to every server.
    no_route = [state for state, outcome in TRANSITIONS if outcome is PollOutcome.NO_ROUTE]
    assert no_route == [PollState.WAITING]


def state_after(poll, lab, seconds):
    listen(poll, lab, seconds)
    return poll.state


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        pytest.param(NOT_FOUND, PollState.POLLING, id="no such route"),
        pytest.param(ApiRefused("http://api", 503, "full"), PollState.RETRYING, id="own trouble"),
        pytest.param(ApiRefused("http://api", 403, "no"), PollState.RETRYING, id="not allowed"),
        pytest.param(AWAY, PollState.RETRYING, id="no answer"),
        pytest.param(Reply(200, "", {"containers": 5}), PollState.RETRYING, id="nonsense"),
    ],
)
def test_after_what_a_long_poll_is_answered_the_server_is_asked_otherwise(poll, lab, answer, state):
    listen(poll, lab, 2)
    lab.beat_answer = AWAY if state is PollState.RETRYING else lab.beat_answer
    lab.watch, lab.held_s = answer, 0.01
    assert state_after(poll, lab, 1.5) is state
    # A restart of the server ends it: the long poll is tried again after an outage.
    lab.watch, lab.held_s, lab.beat_answer = AWAY, None, AWAY
    assert state_after(poll, lab, 2) is PollState.RETRYING
    lab.watch, lab.beat_answer = UNCHANGED, Reply(200, "", wire.dump_beat(A))
    assert state_after(poll, lab, 2) is PollState.WAITING
