"""Checks of what really ran: repaired, never gone, never twice, no strays, without hands. Pure."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence

from lab.experiment.check.containers import Life, lives
from lab.experiment.check.finding import Finding, texts
from lab.experiment.check.timeline import HALTED, Timeline
from lab.experiment.check.traces import Amount, Known, Trace, all_of, any_of, invert, widest
from lab.history.record import Record


def repaired(timeline: Timeline, mode: str) -> Finding:
    """At the end, and before a person did anything, all that is wanted ran exactly once.

    amount: from the fault after which the first one was not until the last one was repaired.
    """
    hands = timeline.hands()
    until_s = hands[0].at_s if hands else timeline.to_s
    found = [life for life in lives(timeline, mode) if life.wanted.ever() is not False]
    if not found:
        return Finding("repaired", None, "nothing was wanted")

    def good(life: Life) -> Known:
        ends = (until_s, timeline.to_s)
        return all_of(invert(life.bad.before(end_s)) for end_s in ends)

    holds = all_of(map(good, found))
    amount = _until_good(found, timeline, until_s)
    wrong = [life.name for life in found if good(life) is not True]
    person = f" before a person acted at {until_s:.1f} s" if hands else ""
    if holds:
        again = f"all runs again {amount} after the fault" if amount else "all runs, exactly once"
        text = f"{again}{person}"
    else:
        fails = "did not run exactly once" if holds is False else "is not known to run once"
        late_s = timeline.to_s - timeline.fault_s
        end = person or f" at the end, {late_s:.0f} s after the fault"
        text = f"{', '.join(wrong)} {fails}{end}"
    evidence = [r for life in found for r in changes(timeline, mode, life.name, life.bad)]
    return Finding("repaired", holds, text, amount if holds else None, texts([*evidence, *hands]))


def _until_good(found: Sequence[Life], timeline: Timeline, to_s: float) -> Amount | None:
    """Return how long after the fault something was bad; None: it is not sure that it ever was."""
    bad = [life.bad.within(timeline.fault_s, to_s) for life in found]
    sure = [span for trace in bad for span in trace.of(True)]
    if not sure:
        return None
    from_s = timeline.latest_fault_s(min(span.from_s for span in sure))
    possible = [span.to_s for trace in bad for span in trace.of(True, None)]
    return Amount(max(span.to_s for span in sure) - from_s, max(possible) - from_s)


def never_gone(timeline: Timeline, mode: str) -> Finding:
    """No wanted container ran nowhere after it had started. amount: the longest gap."""

    def longest(traces: Sequence[Trace]) -> Amount:
        return widest(trace.longest() for trace in traces)

    says = ("every container ran without a gap", "ran nowhere, for {} at the longest")
    return _never("never-gone", timeline, mode, lambda life: life.gone, longest, says)


def never_twice(timeline: Timeline, mode: str) -> Finding:
    """No container ran on two nodes at once. amount: for how long, of all containers."""
    says = ("no container ran on two nodes at once", "ran on two nodes at once, for {} in all")
    return _never("never-twice", timeline, mode, lambda life: life.twice, _sum, says)


def _never(
    check: str,
    timeline: Timeline,
    mode: str,
    bad: Callable[[Life], Trace],
    amount: Callable[[Sequence[Trace]], Amount],
    says: tuple[str, str],
) -> Finding:
    found = lives(timeline, mode)
    if not found:
        return Finding(check, None, "no container is known")
    ever = any_of(bad(life).ever() for life in found)
    if ever is False:
        return Finding(check, True, says[0])
    seconds = amount([bad(life) for life in found])
    names = [life.name for life in found if bad(life).ever() is ever]
    evidence = [r for life in found for r in changes(timeline, mode, life.name, bad(life))]
    may = "" if ever else "may be that it "
    text = f"{', '.join(names)}: {may}{says[1].format(seconds)}"
    return Finding(check, invert(ever), text, seconds, texts(evidence))


def no_strays(timeline: Timeline, mode: str) -> Finding:
    """At the end nothing runs that is not wanted. amount: for how long it did, in all."""
    found = lives(timeline, mode)
    if not found:
        return Finding("no-strays", None, "no container is known")
    ends = {life.name: life.stray.before(timeline.to_s) for life in found}
    holds = invert(any_of(ends.values()))
    seconds = _sum([life.stray for life in found])
    ran = any(life.stray.ever() is not False for life in found)
    if holds:
        text = f"what is not wanted ran for {seconds}, and ended" if ran else "no stray ran"
    else:
        fails = "runs at the end" if holds is False else "may run at the end"
        left = [name for name, value in ends.items() if value is not False]
        text = f"{', '.join(left)} {fails}, and is not wanted; in all {seconds}"
    evidence = [r for life in found for r in changes(timeline, mode, life.name, life.stray)]
    return Finding("no-strays", holds, text, seconds if ran else None, texts(evidence))


def no_hands(timeline: Timeline, mode: str) -> Finding:
    """No person did anything after the fault."""
    hands = timeline.hands()
    done = "; ".join(str(record.fields["what"]) for record in hands)
    text = f"a person acted: {done}" if hands else "no person had to act"
    return Finding("no-hands", not hands, text, None, texts(hands))


def changes(timeline: Timeline, mode: str, name: str, trace: Trace) -> list[Record]:
    """Return the records from which it follows that `trace`, about `name`, was not false."""
    times = sorted(at_s for span in trace.of(True, None) for at_s in (span.from_s, span.to_s))
    if not times:
        return []

    def near(record: Record) -> bool:
        first = bisect_left(times, record.at_s - record.error_s)
        return first < len(times) and times[first] <= record.at_s + record.error_s

    def of(node: str) -> Iterable[Record]:
        before = False
        for record in timeline.history.of("runs", mode=mode, node=node):
            runs = name in record.fields["containers"]
            if runs is not before and near(record):
                yield record
            before = runs

    halts = (r for r in timeline.history.of("machine") if r.fields["machine"] in timeline.nodes)
    lists = [record for node in timeline.nodes for record in of(node)]
    return lists + [r for r in halts if r.fields["state"] in HALTED and near(r)]


def _sum(traces: Sequence[Trace]) -> Amount:
    amounts = [trace.total() for trace in traces]
    return Amount(sum(a.least_s for a in amounts), sum(a.most_s for a in amounts))
