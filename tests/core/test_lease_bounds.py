"""The bounds that the theorem of services/core/lease.py adds up, each on its own."""

import pytest

from services.core.lease import CLOCK_ERROR, Moment, between_s, look_s, needed_margin_s, stop_s
from services.core.profiles import Profile

POLLS = Profile("polls", 5, 5, 10, lease_s=15, agent_timeout_s=4, stop_margin_s=15, leaving_s=15)
WATCHES = POLLS._replace(name="watches", agent_s=0.25, agent_timeout_s=2, watch_s=10, tick_s=1)


def test_a_machine_whose_second_clock_appears_or_goes_has_the_first():
    without, with_both = Moment(100.0), Moment(100.5, 2_000_000_000)
    assert with_both.since_s(without) == 0.5
    assert Moment(100.5).since_s(without) == 0.5
    assert Moment(101.0).since_s(with_both) == 0.5


@pytest.mark.parametrize(
    ("slowness", "expected_s"),
    [
        pytest.param(1, 3 + 0.02, id="systemctl, and what the unit is given to stop"),
        pytest.param(10, 3 + 0.2, id="a slow machine has a slow systemctl; the unit's time stays"),
    ],
)
def test_the_longest_stop(slowness, expected_s):
    assert stop_s(slowness) == pytest.approx(expected_s)


@pytest.mark.parametrize(
    ("slowness", "expected_s"),
    [
        pytest.param(1, 5 + 0.25 + 0.05, id="period, timer, start of a pass"),
        pytest.param(10, 5 + 0.25 + 0.5, id="a slow machine starts a pass slowly; timers stay"),
    ],
)
def test_the_longest_time_between_two_passes(slowness, expected_s):
    assert between_s(POLLS, slowness) == pytest.approx(expected_s)


@pytest.mark.parametrize(
    ("timings", "slowness", "expected_s"),
    [
        pytest.param(POLLS, 1, 3.04 + 5.3, id="polling: a restart, and the time to the next pass"),
        pytest.param(POLLS, 10, 3.4 + 5.75, id="both on a slow machine"),
        pytest.param(WATCHES, 1, 3.04, id="watching: the longer of both, a restart"),
        pytest.param(WATCHES, 10, 3.4, id="the same on a slow machine"),
        pytest.param(
            WATCHES._replace(agent_s=6), 1, 6.3, id="watching: the longer of both, the next pass"
        ),
        pytest.param(
            POLLS._replace(agent_timeout_s=9), 1, 9, id="an exchange that hangs for longer"
        ),
    ],
)
def test_the_longest_time_between_two_looks(timings, slowness, expected_s):
    assert look_s(timings, slowness) == pytest.approx(expected_s)


@pytest.mark.parametrize("slowness", [1, 10])
@pytest.mark.parametrize("timings", [POLLS, WATCHES], ids=lambda timings: timings.name)
def test_with_the_needed_margin_both_clocks_at_their_worst_meet_exactly(timings, slowness):
    """The agent's clock is slow, the server's fast; the container ends when the other may start."""
    slow_s = look_s(timings, slowness) + stop_s(slowness)
    ends_s = (timings.lease_s + slow_s) / (1 - CLOCK_ERROR)
    moves_s = (timings.lease_s + needed_margin_s(timings, slowness)) / (1 + CLOCK_ERROR)
    assert moves_s == pytest.approx(ends_s, rel=1e-12)
