"""What a change costs, and what it costs to do nothing, in bytes and requests. Pure."""

from typing import NamedTuple

from lab.experiment.check.timeline import Timeline
from lab.history.record import BEFORE, CHANGED, IDLE, Record


class Price(NamedTuple):
    """What a control plane and its nodes said to each other; None: not known.

    A change: from its declaration or order until the container runs. Per second: while nothing was
    to be done. questions: those that push answers by asking every node.
    """

    bytes_per_change: float | None = None
    requests_per_change: float | None = None
    bytes_per_s: float | None = None
    requests_per_s: float | None = None
    questions_per_s: float | None = None


class _Part(NamedTuple):
    """What was counted between two readings."""

    seconds: float
    bytes: int
    requests: int
    questions: int


def price(timeline: Timeline, mode: str) -> Price:
    """Return what `mode` cost in this run. Of a damaged history, nothing is known."""
    readings = {r.fields["phase"]: r for r in timeline.history.of("traffic", mode=mode)}
    if timeline.damage or not {BEFORE, CHANGED, IDLE} <= readings.keys():
        return Price()
    before, changed, idle = (readings[phase] for phase in (BEFORE, CHANGED, IDLE))
    first, rest = _between(before, changed), _between(changed, idle)
    # A counter that went back began again.
    if min(*first, *rest) < 0 or not rest.seconds:
        return Price()
    times, count = _times(first, rest), _changes(timeline, mode, before, changed)
    return Price(
        _each(first.bytes, rest.bytes, times, count),
        _each(first.requests, rest.requests, times, count),
        rest.bytes / rest.seconds,
        rest.requests / rest.seconds,
        rest.questions / rest.seconds,
    )


def _between(one: Record, other: Record) -> _Part:
    counts = (other.fields[key] - one.fields[key] for key in ("bytes", "requests", "questions"))
    return _Part(other.at_s - one.at_s, *counts)


def _times(first: _Part, rest: _Part) -> float | None:
    """Return how often what is said in `rest`, without a change, is also part of `first`.

    Push speaks with nodes when it is asked, pull's nodes speak all the time.
    """
    if rest.questions:
        return first.questions / rest.questions
    return None if first.questions else first.seconds / rest.seconds


def _each(first: int, rest: int, times: float | None, count: int) -> float | None:
    """Return what one of `count` changes took beside what is said without one."""
    if times is None or not count or first <= rest * times:
        return None
    return (first - rest * times) / count


def _changes(timeline: Timeline, mode: str, before: Record, changed: Record) -> int:
    """Return how many declarations or orders were acknowledged; 0 where one is doubtful."""
    wanted = list(timeline.history.of("wanted", mode=mode))
    old, new = (
        [r.fields for r in wanted if r.at_s < reading.at_s][-1:] for reading in (before, changed)
    )
    if not new or new[0]["doubtful"]:
        return 0
    return len({*new[0]["names"]} - {*(old[0]["names"] if old else ())})
