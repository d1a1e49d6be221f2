"""The check of what a client on this computer saw: reachable. Pure."""

from collections.abc import Iterator, Sequence

from lab.experiment.check.about_containers import changes
from lab.experiment.check.containers import Life, and_not, due, lives
from lab.experiment.check.finding import Finding, texts
from lab.experiment.check.timeline import Timeline
from lab.experiment.check.traces import (
    Change,
    Known,
    Span,
    Trace,
    any_of,
    combine,
    cover,
    invert,
    steps,
    widest,
)
from lab.history.record import Record


def reachable(timeline: Timeline, mode: str) -> Finding:
    """Every wanted container answered on some node, from its first answer on.

    amount: the longest time in which one answered nowhere.
    """
    found = lives(timeline, mode)
    if not any(life.wanted.ever() for life in found):
        return Finding("reachable", None, "no container was wanted")
    gaps = {life.name: unanswered(timeline, mode, life) for life in found}
    ever = any_of(gap.ever() for gap in gaps.values())
    if ever is False:
        every_s, _ = _rate(timeline)
        said = "from its first answer on, each container answered"
        return Finding("reachable", True, f"{said}; it was asked every {every_s:.1f} s")
    longest = widest(gap.longest() for gap in gaps.values())
    names = [name for name, gap in gaps.items() if gap.ever() is ever]
    fails = "answered nowhere" if ever else "may be that it answered nowhere"
    text = f"{', '.join(names)}: {fails}, for {longest} at the longest"
    records = [r for name in names for r in evidence(timeline, mode, name, gaps[name])]
    return Finding("reachable", invert(ever), text, longest, texts(records))


def unanswered(timeline: Timeline, mode: str, life: Life) -> Trace:
    """Return when a client got no answer of a container that is wanted, wherever it asked.

    Before the first answer it is still being started, also if it had been wanted before.
    """
    wanted = timeline.wanted(mode, life.name)
    gaps = [_gap(timeline, mode, life.name, span) for span in wanted.of(True)]
    gap = combine(gaps, any_of) if gaps else steps([], timeline.end_s, before=False)
    return gap.within(timeline.from_s, timeline.to_s)


def _gap(timeline: Timeline, mode: str, name: str, wanted: Span) -> Trace:
    end_s = timeline.end_s
    questions = _questions(timeline, mode, name)
    asked = [r for r in questions if wanted.from_s <= r.fields["asked_s"] < wanted.to_s]
    places = [_answers(timeline, mode, node, name, asked) for node in timeline.nodes]
    answers = combine(places, any_of)
    # A single answer lasts no time, and yet it was one.
    begun = cover(answers, [(r.at_s, wanted.to_s) for r in asked if r.fields["ok"]][:1], True)
    ends = [Change(wanted.from_s, 0.0, True), Change(wanted.to_s, 0.0, False)]
    whole = steps(ends, end_s, before=False)
    return combine([due(whole, begun, [(0.0, end_s)]), answers], and_not)


def _answers(
    timeline: Timeline, mode: str, node: str, name: str, questions: Sequence[Record]
) -> Trace:
    """Return when the container answered on `node`, by `questions` and by what ran there."""
    asked = [record for record in questions if record.fields["node"] == node]
    every_s, patience_s = _rate(timeline)
    # By the rate, there is another question by then.
    stale_s = 2 * every_s + patience_s
    nexts = [*(record.fields["asked_s"] for record in asked[1:]), timeline.end_s]
    holes = [(r.at_s + stale_s, to_s) for r, to_s in zip(asked, nexts, strict=False)]
    found = list(_changes(asked))
    answers = steps([Change(span.to_s, 0.0, span.value) for span in found], timeline.end_s)
    unsure = [(span.from_s, span.to_s) for span in found]
    answers = cover(answers, unsure + holes, None)
    return combine([answers, timeline.runs[mode, node, name]], _if_it_runs)


def _if_it_runs(values: Sequence[Known]) -> Known:
    """What does not run cannot answer, also between two questions."""
    answers, runs = values
    return False if runs is False else answers


def _changes(asked: Sequence[Record]) -> Iterator[Span]:
    """Yield in which time it came to answer, or not to answer.

    Of an answer it is not known when between its question and its arrival the container gave it;
    who waits in vain has no answer all the while.
    """
    before: Record | None = None
    for one in asked:
        asked_s, ok = one.fields["asked_s"], one.fields["ok"]
        if before is None or ok is not before.fields["ok"]:
            known_s = asked_s if before is None else before.at_s if ok else before.fields["asked_s"]
            until_s = one.at_s if ok else asked_s
            yield Span(known_s, until_s, ok)
        before = one


def _questions(timeline: Timeline, mode: str, name: str) -> list[Record]:
    """Return the questions to a container, wherever it was asked, in the order of their ends."""
    asked = timeline.history.of("asked", mode=mode, name=name)
    return sorted(asked, key=lambda record: record.at_s)


def _rate(timeline: Timeline) -> tuple[float, float]:
    """Return how often a container was asked, at the least, and how long an answer could take."""
    rates = [record.fields for record in timeline.history.of("rate")]
    return (
        max((float(rate["every_s"]) for rate in rates), default=0.0),
        max((float(rate["patience_s"]) for rate in rates), default=0.0),
    )


def evidence(timeline: Timeline, mode: str, name: str, gap: Trace) -> Iterator[Record]:
    """Yield the last answer before each gap, the question in vain, and the first answer after."""
    asked = _questions(timeline, mode, name)
    yield from changes(timeline, mode, name, gap)
    for span in gap.of(True):
        yield from [r for r in asked if r.fields["ok"] and r.at_s <= span.from_s][-1:]
        yield from [r for r in asked if not r.fields["ok"] and r.at_s > span.from_s][:1]
        yield from [r for r in asked if r.fields["ok"] and r.at_s >= span.to_s][:1]
