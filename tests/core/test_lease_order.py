"""The theorem of services/core/lease.py, over clocks, delays, passes and stops of any length.

A simulation, of the time only: the agent's looks are decided by lease.may_run, the server's move by
liveness.evict, as in the programs. Times are those of nobody's clock unless they say otherwise.
"""

from typing import NamedTuple

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from services.agent.leaving import ATTEMPTS
from services.core.lease import (
    CLOCK_ERROR,
    UNIT_STOP_S,
    Lease,
    Moment,
    between_s,
    cut_off,
    may_run,
    needed_margin_s,
    stop_s,
)
from services.core.liveness import evict, health
from services.core.messages import NodeList
from services.core.model import STOP, Assignment, Container, Node, Placed
from services.core.profiles import PROFILES, Profile, stretched
from tests.serving import ROOT

UNIT = ROOT / "provisioning/systemd/container@.service.in"

S = Container("s", on_disconnect=STOP)
# Of how an exchange ends, once the node is cut off; before that it is answered.
LOST, UNANSWERED = "lost on its way", "received, and the answer lost"


class Course(NamedTuple):
    """What is left to chance, as shares of what it is at most.

    clocks: how wrong agent's and server's are, from -1 to 1. delays: of each message, out and
    back. works: how long the agent is busy after a look. gaps: between passes. healthy: exchanges
    before the cut, at least one. stop: of the container.
    """

    clocks: tuple[float, float]
    offset_s: float
    delays: tuple[tuple[float, float], ...]
    works: tuple[float, ...]
    gaps: tuple[float, ...]
    healthy: int
    fates: tuple[str, ...]
    stop: float


shares = st.floats(0, 1)


def some(values):
    return st.lists(values, min_size=1, max_size=6).map(tuple)


courses = st.builds(
    Course,
    st.tuples(st.floats(-1, 1), st.floats(-1, 1)),
    st.floats(0, 1000),
    some(st.tuples(shares, shares)),
    some(shares | st.just(0.0)),
    some(shares),
    st.integers(1, 30),
    some(st.sampled_from([LOST, UNANSWERED])),
    shares,
)
slownesses = st.floats(1, 12)


class Node1:
    """The node that is cut off. now_s moves as its passes do."""

    def __init__(self, course: Course, timings: Profile, slowness: float) -> None:
        self.course, self.timings, self.slowness = course, timings, slowness
        self.now_s = 0.0
        self.lease: Lease | None = None
        self.heard_s = 0.0  # by the server
        self.exchanges = self.looks = self.passes = 0
        self.stops_s: float | None = None

    def clock(self) -> Moment:
        return self.clock_at(self.now_s)

    def clock_at(self, at_s: float) -> Moment:
        return Moment(self.course.offset_s + at_s * (1 + CLOCK_ERROR * self.course.clocks[0]))

    def look(self) -> None:
        if self.stops_s is None:
            assignment = Assignment("e", 1, (S,), self.timings.lease_s)
            if may_run(assignment, cut_off(self.lease, self.clock())).withheld:
                self.stops_s = self.now_s + self.course.stop * stop_s(self.slowness)

    def work(self) -> None:
        """Stop and start others."""
        # A container is stopped, waited for, and started from another image.
        restart_s = stop_s(self.slowness) + stop_s(self.slowness) - UNIT_STOP_S
        self.now_s += pick(self.course.works, self.looks) * restart_s
        self.looks += 1

    def exchange(self) -> None:
        """One that is waited for: the first of a pass."""
        out, back = pick(self.course.delays, self.exchanges)
        sent_s, answered = self.now_s, self.send(out)
        # All of an exchange together is bounded, also one that is answered.
        self.now_s += (out + back) / 2 * self.timings.agent_timeout_s
        if answered:
            self.renew(sent_s)

    def send(self, out: float) -> bool:
        """Whether it is answered."""
        healthy = self.exchanges < self.course.healthy
        self.exchanges += 1
        if healthy or pick(self.course.fates, self.exchanges) == UNANSWERED:
            self.heard_s = self.now_s + out / 2 * self.timings.agent_timeout_s
        return healthy

    def renew(self, sent_s: float) -> None:
        self.lease = Lease(self.clock_at(sent_s), self.timings.lease_s)

    def one_pass(self) -> None:
        if self.passes:
            self.look()
        self.exchange()
        self.look()
        if self.timings.watch_s:
            self.watch()
        else:
            self.work()
        most_s = between_s(self.timings, self.slowness)
        least_s = self.timings.agent_s
        self.now_s += least_s + pick(self.course.gaps, self.passes) * (most_s - least_s)
        self.passes += 1

    def watch(self) -> None:
        until_s = self.now_s + self.timings.watch_s
        while self.now_s < until_s:
            sent_s = self.now_s
            out, _ = pick(self.course.delays, self.exchanges)
            answered = self.send(out)
            while self.now_s < sent_s + self.timings.tick_s:
                self.now_s += 0.15
                self.look()
                self.work()
            if answered:
                self.renew(sent_s)
            self.look()


def pick(values, number):
    return values[number % len(values)]


def moves_s(node: Node1, margin_s: float) -> float:
    """When the server may place it elsewhere, at the earliest; evict itself is asked."""
    rate = 1 + CLOCK_ERROR * node.course.clocks[1]
    lease_s = node.timings.lease_s

    def leaves(silent_s: float) -> bool:
        nodes = tuple(
            Node(name, silence_s, health(silence_s, lease_s))
            for name, silence_s in (("node1", silent_s), ("node2", 0.0), ("node3", 0.0))
        )
        seen = NodeList(nodes, 1e6, lease_s, stop_margin_s=margin_s)
        return bool(evict([Placed(S, "node1")], seen).placements)

    boundary_s = lease_s + margin_s
    assert not leaves(boundary_s - 1e-6)
    assert leaves(boundary_s + 1e-6)
    return node.heard_s + boundary_s / rate


def runs_twice(course: Course, timings: Profile, slowness: float, margin_s: float) -> bool:
    node = Node1(course, timings, slowness)
    while node.stops_s is None:
        node.one_pass()
    # What it sent after it had begun to stop only makes the server wait longer.
    return node.stops_s > moves_s(node, margin_s)


profiles = pytest.mark.parametrize("name", PROFILES)


@profiles
@settings(max_examples=400)
@given(course=courses, slowness=slownesses)
def test_never_two_at_once(name, course, slowness):
    timings = stretched(PROFILES[name], slowness)
    assert not runs_twice(course, timings, slowness, timings.stop_margin_s)


@profiles
@given(course=courses, slowness=slownesses)
def test_nor_with_the_margin_that_the_theorem_asks_for(name, course, slowness):
    timings = stretched(PROFILES[name], slowness)
    assert not runs_twice(course, timings, slowness, needed_margin_s(timings, slowness))


@profiles
def test_without_a_margin_a_course_is_found_on_which_it_runs_twice(name):
    timings = PROFILES[name]
    # The first will do; what it shrinks to is nobody's concern.
    only = settings(phases=[Phase.generate], database=None, max_examples=2000)
    assert find(courses, lambda course: runs_twice(course, timings, 1, 0.0), settings=only)


@profiles
@given(slownesses)
def test_the_margin_of_a_profile_is_enough_and_not_needlessly_large(name, slowness):
    timings = stretched(PROFILES[name], slowness)
    needed_s = needed_margin_s(timings, slowness)
    assert needed_s + 0.5 < timings.stop_margin_s < 1.7 * needed_s


@profiles
@given(slownesses)
def test_the_margin_covers_a_goodbye(name, slowness):
    """After it was heard: its answer, and a second request that reaches the server late."""
    timings = stretched(PROFILES[name], slowness)
    exchanges_s = (1 + 1 / ATTEMPTS + 1) * timings.agent_timeout_s
    # The server counts one of them with leaving_s.
    waited_s = timings.agent_timeout_s + timings.stop_margin_s
    assert exchanges_s + stop_s(slowness) < waited_s


def test_a_unit_is_given_as_long_to_stop_as_the_theorem_says():
    assert f"\nTimeoutStopSec={UNIT_STOP_S:g}s\n" in UNIT.read_text()
