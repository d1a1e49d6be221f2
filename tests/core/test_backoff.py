from hypothesis import given
from hypothesis import strategies as st

from services.core.backoff import FIRST_S, MOST_S, delay_s

failures = st.integers(1, 10**9)
chances = st.floats(0, 1, exclude_max=True)


@given(failures, chances)
def test_a_delay_is_bounded_and_never_spins(count, chance):
    assert FIRST_S / 2 <= delay_s(count, chance) <= MOST_S


@given(failures, chances)
def test_delays_grow_until_the_cap(count, chance):
    assert delay_s(count + 1, chance) >= delay_s(count, chance)
    if delay_s(count, 0) <= MOST_S / 2:
        assert delay_s(count + 1, chance) == 2 * delay_s(count, chance)


@given(failures)
def test_those_who_failed_together_are_spread_over_half_of_it(count):
    delays = [delay_s(count, part / 256) for part in range(256)]
    assert len(set(delays)) == 256
    assert delays[-1] < 0.51 * delays[0]


def test_an_outage_is_asked_about_as_often_as_a_node_speaks_anyway():
    assert [delay_s(count, 0) for count in range(1, 6)] == [0.2, 0.4, 0.8, 1.0, 1.0]
