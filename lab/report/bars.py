"""What a timeline looks like, as bars on lanes: one lane a node, and one for each API. Pure."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

from lab.experiment.check import about_clients
from lab.experiment.check.about_apis import untrue
from lab.experiment.check.about_clients import unanswered
from lab.experiment.check.about_containers import changes
from lab.experiment.check.containers import Life, lives
from lab.experiment.check.finding import text, texts
from lab.experiment.check.timeline import EMPTY, Timeline, machine_trace
from lab.experiment.check.traces import Interval, Trace, all_of, combine

# The lane of an API, below those of the nodes; no node has this name, for it is no label.
API = "API"
# A page of more would be too large to send around.
MOST = 250
WORDS: Mapping[str, str] = MappingProxyType(
    {
        "runs": "runs",
        "gone": "gone",
        "twice": "twice",
        "stray": "stray",
        "unknown": "not known",
        "off": "off",
        "paused": "paused",
        "silent": "no answer",
        "lie": "listed, not running",
    }
)


class Bar(NamedTuple):
    """One bar. row: which of `rows` strips of its lane it is in. what: a key of WORDS."""

    mode: str
    lane: str
    row: int
    rows: int
    from_s: float
    to_s: float
    what: str
    name: str
    evidence: tuple[str, ...] = ()


class FaultBar(NamedTuple):
    """A fault on one target, from when it began to act until it was undone, or to the end.

    What a person did is one, too, of a hundredth of the figure.
    """

    fault: str
    target: str
    from_s: float
    to_s: float
    evidence: tuple[str, ...]


def shown(timeline: Timeline) -> Interval:
    """Return the part that is drawn: what is judged, and a twentieth of it on either side."""
    margin_s = (timeline.to_s - timeline.from_s) / 20
    return max(0.0, timeline.from_s - margin_s), min(timeline.end_s, timeline.to_s + margin_s)


def bars(timeline: Timeline) -> tuple[Bar, ...]:
    """Return the bars of all modes, cut to what is shown; later ones are drawn over earlier.

    Of more than MOST only the longest: `left_out` says how many are not among them.
    """
    found = _all(timeline)
    if len(found) <= MOST:
        return found
    longest = sorted(found, key=lambda bar: bar.from_s - bar.to_s)[:MOST]
    chosen = {id(bar) for bar in longest}
    return tuple(bar for bar in found if id(bar) in chosen)


def left_out(timeline: Timeline) -> int:
    """Return how many bars are too many to be drawn."""
    return max(0, len(_all(timeline)) - MOST)


def _all(timeline: Timeline) -> tuple[Bar, ...]:
    from_s, to_s = shown(timeline)
    found = (bar for mode in timeline.modes for bar in _of(timeline, mode))
    cut = (b._replace(from_s=max(b.from_s, from_s), to_s=min(b.to_s, to_s)) for b in found)
    return tuple(bar for bar in cut if bar.from_s < bar.to_s)


def fault_bars(timeline: Timeline) -> tuple[FaultBar, ...]:
    """Return the faults and what persons did, each in the order of their times."""
    found: dict[tuple[str, str], FaultBar] = {}
    for record in timeline.history.of("fault"):
        target, phase = str(record.fields["target"]), record.fields["phase"]
        key = (str(record.fields["id"]), target)
        # As the checks count: from when it began to act.
        if phase in ("acting", "acted") and key not in found:
            fault = str(record.fields["fault"])
            found[key] = FaultBar(fault, target, record.at_s, timeline.end_s, ())
        if key not in found:
            continue
        bar = found[key]
        if phase in ("undone", "healed"):
            bar = bar._replace(to_s=min(bar.to_s, record.at_s))
        found[key] = bar._replace(evidence=(*bar.evidence, text(record)))
    from_s, to_s = shown(timeline)
    least_s = (to_s - from_s) / 100
    hands = (
        FaultBar("person:", str(r.fields["what"]), r.at_s, r.at_s + least_s, (text(r),))
        for r in timeline.history.of("human")
    )
    return (*found.values(), *hands)


def _of(timeline: Timeline, mode: str) -> Iterator[Bar]:
    for node in timeline.nodes:
        yield from _machine(timeline, mode, node)
    found = [bar for life in lives(timeline, mode) for bar in _container(timeline, mode, life)]
    for node in timeline.nodes:
        here = [bar for bar in found if bar.lane == node]
        names = list(dict.fromkeys(bar.name for bar in here))
        yield from (bar._replace(row=names.index(bar.name), rows=len(names)) for bar in here)
    yield from _api(timeline, mode)


def _machine(timeline: Timeline, mode: str, node: str) -> Iterator[Bar]:
    """Yield when `node` did not run, and when it is not known what ran on it."""
    end_s = timeline.end_s
    records = list(timeline.history.of("machine", machine=node))
    for what, states in (("off", EMPTY), ("paused", ("paused",))):
        for span in machine_trace(timeline.history, node, states, end_s).of(True):
            at_ends = [r for r in records if span.from_s <= r.at_s + r.error_s <= span.to_s]
            yield Bar(mode, node, 0, 1, span.from_s, span.to_s, what, node, texts(at_ends))
    runs = [trace for (m, n, _), trace in timeline.runs.items() if (m, n) == (mode, node)]
    nothing = combine(runs, lambda values: all(value is None for value in values))
    lost = texts(timeline.history.of("lost", machine=node))
    for span in nothing.of(True) if runs else ():
        yield Bar(mode, node, 0, 1, span.from_s, span.to_s, "unknown", node, lost)


def _container(timeline: Timeline, mode: str, life: Life) -> Iterator[Bar]:
    """Yield what `life` was on each node. A gap is on the node on which it ran before that, and
    questions in vain to one that runs are where it runs.
    """
    evidence = {
        what: texts(changes(timeline, mode, life.name, trace))
        for what, trace in (("gone", life.gone), ("twice", life.twice), ("stray", life.stray))
    }
    runs = {node: timeline.runs[mode, node, life.name] for node in timeline.nodes}
    for node, trace in runs.items():
        evidence["runs"] = texts(changes(timeline, mode, life.name, trace))
        for from_s, to_s, what in _states(trace, life):
            yield Bar(mode, node, 0, 1, from_s, to_s, what, life.name, evidence[what])
    for span in life.gone.of(True):
        node = max(runs, key=lambda node: _ended_s(runs[node], span.from_s))
        yield Bar(mode, node, 0, 1, *span[:2], "gone", life.name, evidence["gone"])
    unheard = unanswered(timeline, mode, life)
    for node, trace in runs.items():
        here = combine([unheard, trace], all_of)
        vain = texts(about_clients.evidence(timeline, mode, life.name, here))
        for span in here.of(True):
            yield Bar(mode, node, 0, 1, *span[:2], "silent", life.name, vain)


def _ended_s(trace: Trace, before_s: float) -> float:
    """Return when it was last known to run before that time; -1: never."""
    return max((s.to_s for s in trace.of(True) if s.to_s <= before_s), default=-1.0)


def _states(trace: Trace, life: Life) -> Iterator[tuple[float, float, str]]:
    """Yield from when to when the container ran on a node, and how: runs, twice or stray."""
    all_ends = (s.from_s for t in (life.twice, life.stray) for s in t.spans)
    ends = sorted({*all_ends, *(at_s for s in trace.of(True) for at_s in s[:2])})
    joined: list[tuple[float, float, str]] = []
    for from_s, to_s in pairwise(ends):
        if not trace.at(from_s):
            continue
        twice, stray = life.twice.at(from_s), life.stray.at(from_s)
        what = "twice" if twice else "stray" if stray else "runs"
        if joined and joined[-1][1:] == (from_s, what):
            from_s = joined.pop()[0]
        joined.append((from_s, to_s, what))
    yield from joined


def _api(timeline: Timeline, mode: str) -> Iterator[Bar]:
    """Yield when the API did not answer, and when it listed what did not run."""
    silent = timeline.said(mode, lambda fields: not fields["ok"])
    lies = [("lie", life.name, untrue(timeline, mode, life)) for life in lives(timeline, mode)]
    for what, name, trace in (*lies, ("silent", API, silent)):
        for span in trace.of(True):
            claims = timeline.history.of("claims", mode=mode)
            near = [r for r in claims if span.from_s - r.error_s <= r.at_s <= span.to_s]
            yield Bar(mode, API, 0, 1, *span[:2], what, name, texts(near))
