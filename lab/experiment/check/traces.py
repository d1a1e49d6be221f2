"""What is known of one thing over time: true, false or unknown. Pure.

Each change that was recorded has an error. While it may or may not have happened yet, the value is
unknown; so what is shorter than the error is unknown, and never zero.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, pairwise
from typing import NamedTuple

Known = bool | None
Interval = tuple[float, float]


class Amount(NamedTuple):
    """Seconds, as a range: at least and at most so many."""

    least_s: float
    most_s: float

    def __str__(self) -> str:
        if 0 < self.most_s < 0.05:
            return "under 0.1 s"
        least, most = f"{self.least_s:.1f}", f"{self.most_s:.1f}"
        return f"{least} s" if least == most else f"{least} to {most} s"

    @property
    def middle_s(self) -> float:
        return (self.least_s + self.most_s) / 2


class Change(NamedTuple):
    """From at_s on, give or take error_s, the value is `value`."""

    at_s: float
    error_s: float
    value: Known


class Span(NamedTuple):
    """A time in which the value stays the same; to_s is no part of it."""

    from_s: float
    to_s: float
    value: Known


class Trace(NamedTuple):
    """Spans in order, without holes; neighbours differ in their values."""

    spans: tuple[Span, ...]

    def at(self, at_s: float) -> Known:
        """Return the value at that time; outside the trace it is unknown."""
        index = bisect_right(self.spans, at_s, key=lambda span: span.from_s) - 1
        span = self.spans[index] if index >= 0 else None
        return span.value if span and at_s < span.to_s else None

    def before(self, at_s: float) -> Known:
        """Return the value right before that time; outside the trace it is unknown."""
        return next((s.value for s in self.spans if s.from_s < at_s <= s.to_s), None)

    def of(self, *values: Known) -> Iterator[Span]:
        """Yield the spans that have one of `values`."""
        return (span for span in self.spans if span.value in values)

    def within(self, from_s: float, to_s: float) -> "Trace":
        """Return the part between two times."""
        cut = (Span(max(s.from_s, from_s), min(s.to_s, to_s), s.value) for s in self.spans)
        return _joined(cut)

    def total(self) -> Amount:
        """Return for how long it is true: surely, and at most."""
        sure = sum(span.to_s - span.from_s for span in self.of(True))
        return Amount(sure, sure + sum(span.to_s - span.from_s for span in self.of(None)))

    def longest(self) -> Amount:
        """Return how long the longest stretch is in which it is true: surely, and at most."""
        possible = combine([self], lambda values: values[0] is not False)
        return Amount(_longest(self), _longest(possible))

    def first(self, from_s: float) -> Amount | None:
        """Return how long after from_s it is true for the first time; None: never, or unknown."""
        later = self.within(from_s, max((s.to_s for s in self.spans), default=from_s))
        sure = next(later.of(True), None)
        possible = next(later.of(True, None), None)
        if sure is None or possible is None:
            return None
        return Amount(possible.from_s - from_s, sure.from_s - from_s)

    def ever(self) -> Known:
        """Return whether it is true at some time."""
        return any_of([span.value for span in self.spans])


def steps(changes: Iterable[Change], to_s: float, before: Known = None) -> Trace:
    """Return the trace of `changes` from 0 to to_s. before: the value until the first one."""
    spans, unsure, from_s, value = [], [], 0.0, before
    for change in sorted(changes, key=lambda change: change.at_s):
        if change.value == value:
            continue
        at_s = max(0.0, change.at_s)
        spans.append(Span(from_s, at_s, value))
        unsure.append((change.at_s - change.error_s, change.at_s + change.error_s))
        from_s, value = at_s, change.value
    spans.append(Span(from_s, to_s, value))
    return cover(_joined(spans).within(0.0, to_s), unsure, None)


def cover(trace: Trace, intervals: Iterable[Interval], value: Known) -> Trace:
    """Return `trace` with `value` in all of `intervals`; one that ends first is empty."""
    apart = _apart(intervals)
    spans: list[Span] = []
    for span in trace.spans:
        at_s = span.from_s
        first = bisect_right(apart, at_s, key=lambda interval: interval[1])
        for from_s, to_s in islice(apart, first, None):
            if from_s >= span.to_s:
                break
            begin_s, end_s = max(from_s, at_s), min(to_s, span.to_s)
            spans += [Span(at_s, begin_s, span.value), Span(begin_s, end_s, value)]
            at_s = end_s
        spans.append(Span(at_s, span.to_s, span.value))
    return _joined(spans)


def _apart(intervals: Iterable[Interval]) -> list[Interval]:
    """Return what `intervals` cover as intervals in order that do not touch."""
    apart: list[Interval] = []
    for from_s, to_s in sorted(i for i in intervals if i[0] < i[1]):
        if apart and from_s <= apart[-1][1]:
            from_s, to_s = apart[-1][0], max(apart.pop()[1], to_s)
        apart.append((from_s, to_s))
    return apart


def combine(traces: Sequence[Trace], value: Callable[[Sequence[Known]], Known]) -> Trace:
    """Return the trace whose value is at each time that of `value`, called with all values."""
    ends = sorted({at_s for t in traces for span in t.spans for at_s in (span.from_s, span.to_s)})
    columns = zip(*(_values(trace, ends[:-1]) for trace in traces), strict=True)
    return _joined(
        Span(from_s, to_s, value(column))
        for (from_s, to_s), column in zip(pairwise(ends), columns, strict=True)
    )


def _values(trace: Trace, times: Iterable[float]) -> Iterator[Known]:
    """Yield the value at each of `times`, which are in order."""
    index, spans = 0, trace.spans
    for at_s in times:
        while index < len(spans) and spans[index].to_s <= at_s:
            index += 1
        inside = index < len(spans) and spans[index].from_s <= at_s
        yield spans[index].value if inside else None


def widest(amounts: Iterable[Amount]) -> Amount:
    """Return the largest of `amounts`: surely, and at most."""
    found = list(amounts)
    return Amount(max(a.least_s for a in found), max(a.most_s for a in found))


def any_of(values: Iterable[Known]) -> Known:
    """Return whether one is true. Not empty false: of nothing, nothing is true."""
    found = list(values)
    return True if True in found else None if None in found else False


def all_of(values: Iterable[Known]) -> Known:
    """Return whether all are true: false beats unknown beats true."""
    found = list(values)
    return False if False in found else None if None in found else True


def invert(value: Known) -> Known:
    """Return the opposite; that of unknown is unknown."""
    return None if value is None else not value


def two_of(values: Iterable[Known]) -> Known:
    """Return whether at least two are true."""
    found = list(values)
    sure, unsure = found.count(True), found.count(None)
    return True if sure > 1 else None if sure + unsure > 1 else False


def _longest(trace: Trace) -> float:
    return max((span.to_s - span.from_s for span in trace.of(True)), default=0.0)


def _joined(spans: Iterable[Span]) -> Trace:
    """Return the trace of `spans` without empty ones, and with equal neighbours as one."""
    joined: list[Span] = []
    for span in spans:
        if span.from_s >= span.to_s:
            continue
        if joined and joined[-1].value is span.value:
            joined[-1] = Span(joined[-1].from_s, span.to_s, span.value)
        else:
            joined.append(span)
    return Trace(tuple(joined))
