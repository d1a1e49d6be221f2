"""The theorem of services/core/lease.py: no order of events in a small world breaks it.

And each of its terms is needed: without one, an order is found that does. Every order of eight
events is tried by `python -m tests.core.test_worlds 8`, in a quarter of an hour.
"""

import sys
import time

import pytest

from services.agent import memory
from services.core import at_most_once, lease
from services.core.lease import Terms
from services.core.model import STOP, UnitState
from services.state import said
from tests.core.worlds import search

# Of every order: 8,000 worlds.
MOST = 5
# What happened before the search, where trouble takes more events than that.
MOVED = ("cut n1", "a long time passes", "mend n1", "a unit passes")


def as_before(found, granted):
    """One copy of the assignment, and whatever can be read of it counts."""
    return memory.Recalled(found[-1].assignment if found else None, granted, newest=bool(found))


# What was so before, or would be without it.
WITHOUT = {
    "1. what a node never heard (P1)": (
        at_most_once,
        "knows",
        lambda container, policy_since, acted: container.on_disconnect == STOP,
    ),
    "2. what stopping takes": (Terms, "hold_s", property(lambda terms: terms.lease_s)),
    "3. what a goodbye takes (P3)": (Terms, "leaving_hold_s", Terms.hold_s),
    "4. a longer lease from before": (lease, "longest_s", lambda granted_s, *_: granted_s),
    "5. a memory of generations (P2)": (memory, "best", as_before, *MOVED),
    "6. a name for one machine (P6)": (said, "is_other", lambda *_, **__: False),
    "and a container is more than its name (P6)": (
        UnitState,
        "runs",
        lambda unit, container: unit.image == container.image,
    ),
}


def test_no_order_of_events_runs_it_twice():
    found = search(MOST)
    assert found.trouble == ()
    assert found.worlds > 5_000


@pytest.mark.parametrize("taken", WITHOUT.values(), ids=WITHOUT)
def test_without_a_term_an_order_is_found(taken, monkeypatch):
    where, name, without, *before = taken
    assert search(MOST - 1, *before).trouble == ()
    monkeypatch.setattr(where, name, without)
    assert search(MOST, *before).trouble


if __name__ == "__main__":
    began_s = time.monotonic()
    done = search(int(sys.argv[1]))
    print(f"{done.worlds} worlds in {time.monotonic() - began_s:.0f} s; trouble: {done.trouble}")
    sys.exit(bool(done.trouble))
