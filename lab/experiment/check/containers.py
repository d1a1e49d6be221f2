"""The life of each container: when it had to run, when it ran, twice, or unwanted. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from lab.experiment.check.timeline import Timeline
from lab.experiment.check.traces import (
    Amount,
    Interval,
    Known,
    Span,
    Trace,
    all_of,
    any_of,
    combine,
    cover,
    invert,
    two_of,
)


class Life(NamedTuple):
    """One container in one mode, in the part of the history that is judged.

    wanted: it was declared and acknowledged. up: it ran. gone: it ran nowhere, though it was wanted
    and had started. twice: it ran on two nodes or more. stray: it ran and was not wanted. bad: it
    was wanted and did not run exactly once.
    """

    name: str
    wanted: Trace
    up: Trace
    gone: Trace
    twice: Trace
    stray: Trace
    bad: Trace

    @property
    def wrong(self) -> Amount:
        """For how long it was not as wanted, in whichever way."""
        return combine([self.gone, self.twice, self.stray], any_of).total()


def lives(timeline: Timeline, mode: str) -> tuple[Life, ...]:
    """Return the life of every container of `mode`, by name."""
    return tuple(_life(timeline, mode, name) for name in timeline.names.get(mode, ()))


def _life(timeline: Timeline, mode: str, name: str) -> Life:
    runs = [timeline.runs[mode, node, name] for node in timeline.nodes]
    wanted = timeline.wanted(mode, name)
    up, twice = combine(runs, any_of), combine(runs, two_of)
    traces = (
        wanted,
        up,
        combine([due(wanted, up, _moments(timeline, mode, name)), up], and_not),
        twice,
        _stray(wanted, up, timeline.perhaps(mode, name)),
        combine([wanted, up, twice], _bad),
    )
    return Life(name, *(t.within(timeline.from_s, timeline.to_s) for t in traces))


def and_not(values: Sequence[Known]) -> Known:
    """Return whether the first value is true, and the second is not."""
    one, other = values
    return all_of([one, invert(other)])


def _unless_perhaps(values: Sequence[Known]) -> Known:
    stray, perhaps = values
    return stray if perhaps is False or stray is False else None


def _bad(values: Sequence[Known]) -> Known:
    wanted, up, twice = values
    return all_of([wanted, any_of([invert(up), twice])])


def _stray(wanted: Trace, up: Trace, perhaps: Trace) -> Trace:
    """Return when it ran unwanted.

    Not while the order was under way that then was acknowledged; after one without an answer, it is
    not known whether it was unwanted.
    """
    stray = combine([combine([up, wanted], and_not), perhaps], _unless_perhaps)
    ordered_s = {span.from_s for span in wanted.of(True)}
    runs = combine([stray], lambda values: values[0] is not False)
    under_way = [(s.from_s, s.to_s) for s in runs.of(True) if s.to_s in ordered_s]
    return cover(stray, under_way, False)


def _moments(timeline: Timeline, mode: str, name: str) -> list[Interval]:
    """Return the ranges in which it was started or stopped, or a machine changed its state."""
    found = [r for r in timeline.history.of("machine") if r.fields["machine"] in timeline.nodes]
    for node in timeline.nodes:
        before = False
        for record in timeline.history.of("runs", mode=mode, node=node):
            if (name in record.fields["containers"]) is not before:
                before = not before
                found.append(record)
    return [(r.at_s - r.error_s, r.at_s + r.error_s) for r in found]


def due(wanted: Trace, up: Trace, moments: Sequence[Interval]) -> Trace:
    """Return when it had to be `up`: while it is wanted, from when it is up for the first time.

    That may be while its order is under way. One that never runs had to from its declaration. While
    it is not known whether it ran, or when for the first time, this is unknown, too.
    """
    found = cover(wanted, [(s.from_s, s.to_s) for s in wanted.of(True, None)], False)
    ordered_s = {span.to_s: span.from_s for span in wanted.of(None)}
    for span in wanted.of(True):
        whole = span._replace(from_s=ordered_s.get(span.from_s, span.from_s))
        for interval, value in _due_in(whole, up.within(whole.from_s, whole.to_s), moments):
            found = cover(found, [interval], value)
    return combine([found, wanted], all_of)


def _due_in(wanted: Span, up: Trace, moments: Sequence[Interval]) -> list[tuple[Interval, Known]]:
    sure, possible = next(up.of(True), None), next(up.of(True, None), None)
    whole = (wanted.from_s, wanted.to_s)
    if possible is None:
        return [(whole, True)]
    if sure is None:
        # After the last time at which it may have been up it had to be, whether it was or not.
        *_, last = up.of(None)
        return [(whole, None), ((last.to_s, wanted.to_s), True)]
    start = (possible.from_s, sure.from_s)
    return [
        (start, None if _hides_more(start, moments) else False),
        ((start[1], wanted.to_s), True),
    ]


def _hides_more(start: Interval, moments: Sequence[Interval]) -> bool:
    """Return whether something else may have happened in `start` than that it was started.

    If all that makes the time of the start unknown is the error of one record, it ran from its
    start on, whenever that was.
    """
    near = [m for m in moments if m[0] < start[1] and start[0] < m[1]]
    return len(near) != 1 or near[0][0] > start[0] or near[0][1] < start[1]
