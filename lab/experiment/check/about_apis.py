"""Checks of what an API said: noticed, moved, honest, nothing lost, answers. Pure."""

from collections.abc import Mapping
from typing import Any

from lab.experiment.check.containers import Life, and_not, lives
from lab.experiment.check.finding import Finding, texts
from lab.experiment.check.timeline import Timeline
from lab.experiment.check.traces import (
    Amount,
    Known,
    Trace,
    all_of,
    any_of,
    combine,
    invert,
    widest,
)
from lab.history.record import Record

GONE = ("down", "unreachable")


def noticed(timeline: Timeline, mode: str) -> Finding:
    """The API said that each node that a fault hit is gone. amount: after the fault."""

    def gone(node: str) -> Trace:
        return timeline.said(mode, lambda fields: (fields["nodes"] or {}).get(node) in GONE)

    traces = {node: gone(node) for node in timeline.hit}
    return _after_fault("noticed", timeline, mode, traces, "gone", "no fault hit a node")


def moved(timeline: Timeline, mode: str) -> Finding:
    """The API gave each container of the nodes that a fault hit another node. amount: as above."""
    hit = timeline.hit

    def placed(name: str, *, elsewhere: bool) -> Trace:
        def says(fields: Mapping[str, Any]) -> bool:
            nodes = [node for one, node in fields["containers"] or () if one == name and node]
            return any((node not in hit) is elsewhere for node in nodes)

        return timeline.said(mode, says)

    there = {n: placed(n, elsewhere=False).at(timeline.fault_s) for n in timeline.names[mode]}
    # Of one that may have been there, only that it is elsewhere can be said.
    traces = {
        name: placed(name, elsewhere=True) if was else _perhaps(placed(name, elsewhere=True))
        for name, was in there.items()
        if was is not False
    }
    nothing = "the API is not known to have listed a container on a node that a fault hit"
    found = _after_fault("moved", timeline, mode, traces, "on another node", nothing)
    return found if True in there.values() else Finding("moved", None, nothing)


def _perhaps(trace: Trace) -> Trace:
    return combine([trace], lambda values: values[0] or None)


def _after_fault(
    check: str, timeline: Timeline, mode: str, traces: Mapping[str, Trace], what: str, nothing: str
) -> Finding:
    """Return whether the API said of each key that it is `what`, and when it had said it of all."""
    if not traces:
        return Finding(check, None, nothing)
    later = {key: t.within(timeline.fault_s, timeline.to_s) for key, t in traces.items()}
    ever = {key: trace.ever() for key, trace in later.items()}
    holds = all_of(ever.values())
    if not holds:
        never = ", ".join(key for key, value in ever.items() if value is holds)
        verb = "never said" if holds is False else "is not known to have said"
        evidence = texts(_claims(timeline, mode))
        return Finding(check, holds, f"the API {verb}: {never} {what}", None, evidence)
    if all(trace.at(timeline.fault_s) for trace in traces.values()):
        return Finding(check, True, "the API said so before the fault")
    firsts = [found for t in later.values() if (found := t.first(timeline.fault_s))]
    amount = widest(firsts)
    text = f"the API said after {amount}: {', '.join(traces)} {what}"
    end_s = timeline.fault_s + amount.most_s
    said = [r for r in _claims(timeline, mode) if r.at_s + r.error_s >= end_s][:1]
    return Finding(check, True, text, amount, texts(said))


def honest(timeline: Timeline, mode: str) -> Finding:
    """The API never listed as running what did not run, for longer than a lease.

    amount: the longest time.
    """

    lies = {life.name: untrue(timeline, mode, life) for life in lives(timeline, mode)}
    if not lies:
        return Finding("honest", None, "no container is known")
    longest = {name: trace.longest() for name, trace in lies.items()}
    over = {name: _longer(amount, timeline.lease_s) for name, amount in longest.items()}
    worst = any_of(over.values())
    most = widest(longest.values())
    grace = f"; a lease is {timeline.lease_s:g} s"
    if worst is False:
        if not most.most_s:
            return Finding("honest", True, "it never listed what did not run")
        text = f"it listed what did not run for {most} at the longest{grace}"
        return Finding("honest", True, text, most)
    names = ", ".join(name for name, value in over.items() if value is worst)
    text = f"it {'listed' if worst else 'may have listed'} {names}, not running, for {most}{grace}"
    claims = [r for r in _claims(timeline, mode) if timeline.from_s <= r.at_s < timeline.to_s]
    said = [r for r in claims if any(lies[n].at(r.at_s) for n in lies if over[n] is worst)]
    return Finding("honest", invert(worst), text, most, texts(said))


def untrue(timeline: Timeline, mode: str, life: Life) -> Trace:
    """Return when the API listed a container as running that did not run.

    Push's only list is of what runs; pull has another one of what is wanted.
    """

    def says(fields: Mapping[str, Any]) -> bool:
        if mode == "push":
            return any(name == life.name for name, _ in fields["containers"] or ())
        return life.name in (fields["running"] or ())

    listed = timeline.said(mode, says).within(timeline.from_s, timeline.to_s)
    return combine([listed, life.up], and_not)


def _longer(amount: Amount, grace_s: float) -> Known:
    return True if amount.least_s > grace_s else None if amount.most_s > grace_s else False


def nothing_lost(timeline: Timeline, mode: str) -> Finding:
    """At the end, the API's list has every declaration and order that it acknowledged."""
    end_s = timeline.to_s

    def listed(name: str) -> Known:
        answered = timeline.said(mode, lambda fields: fields["ok"]).before(end_s)
        lists = timeline.said(mode, lambda f: any(one == name for one, _ in f["containers"] or ()))
        return lists.before(end_s) if answered else None

    wanted = {life.name: life.wanted.before(end_s) for life in lives(timeline, mode)}
    if True not in wanted.values():
        return Finding("nothing-lost", None, "nothing was acknowledged that is still wanted")
    # What is perhaps wanted is lost if it is not listed, perhaps.
    found = {
        name: any_of([invert(value), listed(name)])
        for name, value in wanted.items()
        if value is not False
    }
    holds = all_of(found.values())
    failing = ", ".join(name for name, value in found.items() if value is holds)
    text = {
        True: "all that was acknowledged is listed at the end",
        False: f"the list at the end lacks {failing}",
        None: f"it is not known whether the list at the end has {failing}",
    }[holds]
    kinds = (timeline.history.of("wanted", mode=mode), _claims(timeline, mode))
    latest = [r for records in kinds for r in [r for r in records if r.at_s < end_s][-1:]]
    return Finding("nothing-lost", holds, text, None, texts(latest))


def answers(timeline: Timeline, mode: str) -> Finding:
    """The API answered all the time. amount: for how long it did not, in all."""
    silent = timeline.said(mode, lambda fields: not fields["ok"])
    silent = silent.within(timeline.from_s, timeline.to_s)
    ever = silent.ever() if silent.spans else None
    if ever is False:
        return Finding("answers", True, "it answered whenever it was asked")
    verb = "did not answer" if ever else "may not have answered"
    refused = (r for r in _claims(timeline, mode) if not r.fields["ok"])
    text = f"it {verb} for {silent.total()}"
    return Finding("answers", invert(ever), text, silent.total(), texts(refused))


def _claims(timeline: Timeline, mode: str) -> list[Record]:
    return list(timeline.history.of("claims", mode=mode))
