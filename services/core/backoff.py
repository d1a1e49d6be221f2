"""Decide how long to wait before something that failed is tried again."""

FIRST_S = 0.2
# As often as a node speaks anyway: an outage costs the network no more than health does, and an
# API that is back is heard of within a second. A cap of 5 s would save nothing and cost 2.5 s.
MOST_S = 1.0
_DOUBLINGS = 16


def delay_s(
    failures: int, chance: float, *, first_s: float = FIRST_S, most_s: float = MOST_S
) -> float:
    """Return the seconds to wait after the `failures`-th failure in a row (from 1).

    chance: anything from 0 up to 1; it spreads those who failed together over half of the delay.
    The delay is more than half of min(first_s * 2**(failures - 1), most_s), and at most that:
    never 0, never more than most_s. Total function; it never raises.
    """
    doubled_s = first_s * (1 << min(max(failures - 1, 0), _DOUBLINGS))
    return min(doubled_s, most_s) * (1 - chance / 2)
