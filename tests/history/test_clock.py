"""Two clocks, and what is known of their difference."""

import pytest

from lab.history.clock import Bounds


def test_between_two_answers_the_clock_was_no_less_than_before_and_no_more_than_after():
    first, second = Bounds.measured(10.0, 5.0, 10.4), Bounds.measured(11.0, 5.8, 11.3)
    both = first.until(second)
    assert (both.low_s, both.high_s) == pytest.approx((5.0, 5.5))
    # A clock that went faster than ours: the error of a time in between is not below zero.
    fast = Bounds.measured(11.0, 6.1, 11.05)
    assert (first.until(fast).low_s, first.until(fast).high_s) == pytest.approx((4.9, 5.4))
    # An answer that took long says little, and must not pass for one that says much.
    slow = Bounds.measured(10.5, 5.6, 40.0)
    assert (first.until(slow).low_s, first.until(slow).high_s) == pytest.approx((5.0, 34.4))
