"""One verdict for a run: each check that the experiment names against what it expects. Pure."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from lab.experiment.check import about_apis, about_clients, about_containers
from lab.experiment.check.containers import lives
from lab.experiment.check.finding import Finding, composed, texts
from lab.experiment.check.price import Price, price
from lab.experiment.check.timeline import Timeline, build
from lab.experiment.check.traces import Amount, Known
from lab.history.history import History

Checker = Callable[[Timeline, str], Finding]

CHECKS: Mapping[str, Checker] = MappingProxyType(
    {
        "repaired": about_containers.repaired,
        "never-gone": about_containers.never_gone,
        "never-twice": about_containers.never_twice,
        "no-strays": about_containers.no_strays,
        "no-hands": about_containers.no_hands,
        "noticed": about_apis.noticed,
        "moved": about_apis.moved,
        "honest": about_apis.honest,
        "nothing-lost": about_apis.nothing_lost,
        "answers": about_apis.answers,
        "reachable": about_clients.reachable,
    }
)


class Judged(NamedTuple):
    """A finding beside what the experiment expects of it; expected: None: nothing.

    sure: the history is whole, and all faults have bitten; without that it proves nothing.
    """

    finding: Finding
    expected: Known
    sure: bool = True

    @property
    def verdict(self) -> Known:
        holds = self.finding.holds
        if not self.sure or holds is None or self.expected is None:
            return None
        return holds is self.expected


class Seconds(NamedTuple):
    """Of one container: for how long it was gone, not as wanted, and on two nodes."""

    name: str
    gone: Amount
    wrong: Amount
    twice: Amount


class ModeJudgement(NamedTuple):
    """What one control plane came to. why: why this is expected of it, in the author's words."""

    mode: str
    why: str
    checks: tuple[Judged, ...]
    containers: tuple[Seconds, ...]
    price: Price
    verdict: Known


class Judgement(NamedTuple):
    """What a run came to. always: what has to be true before anything else can be said."""

    timeline: Timeline
    name: str
    always: tuple[Finding, ...]
    modes: tuple[ModeJudgement, ...]

    @property
    def verdict(self) -> Known:
        return composed(mode.verdict for mode in self.modes)


def judge(history: History) -> Judgement:
    """Return the judgement of a run. Never raises: what cannot be judged is unknown."""
    timeline = build(history)
    always = (_guarded("complete", complete, timeline), _guarded("bitten", bitten, timeline))
    sure = all(finding.holds for finding in always)
    experiment = _experiment(timeline)
    modes = tuple(_mode(timeline, mode, experiment, sure=sure) for mode in timeline.modes)
    return Judgement(timeline, str(experiment.get("name", "?")), always, modes)


def complete(timeline: Timeline, _: str = "") -> Finding:
    """The history is whole, and the run came to its end."""
    ends = [r.fields for r in timeline.history.of("end")]
    wrong = list(timeline.damage)
    if ends and ends[-1]["why"] != "complete":
        wrong.append(f"the run ended as {ends[-1]['why']}: {ends[-1]['text']}")
    text = "; ".join(wrong) or "the history is whole, and the run came to its end"
    evidence = texts(timeline.history.of("end"))
    return Finding("complete", not wrong and bool(ends), text, None, evidence)


def bitten(timeline: Timeline, _: str = "") -> Finding:
    """Of every fault, an effect on each of its targets was observed."""
    phases: dict[tuple[str, str], set[str]] = {}
    named = {}
    for record in timeline.history.of("fault"):
        key = (str(record.fields["id"]), str(record.fields["target"]))
        named[key] = f"{record.fields['fault']} on {key[1]}"
        phases.setdefault(key, set()).add(record.fields["phase"])
    missed = [named[key] for key, seen in phases.items() if "bitten" not in seen]
    evidence = texts(
        record
        for phase in ("acted", "bitten", "unbitten")
        for record in timeline.history.of("fault", phase=phase)
    )
    if missed:
        text = f"no effect was seen of {', '.join(missed)}"
    else:
        text = (
            f"an effect was seen of {', '.join(named.values())}" if named else "there was no fault"
        )
    return Finding("bitten", not missed, text, None, evidence)


def _mode(
    timeline: Timeline, mode: str, experiment: Mapping[str, Any], *, sure: bool
) -> ModeJudgement:
    expected = _table(_table(experiment.get("expected")).get(mode))
    wants = _table(expected.get("checks"))
    checks = tuple(
        Judged(_guarded(name, CHECKS.get(name, _no_such), timeline, mode), _flag(wants[name]), sure)
        for name in wants
    )
    verdict = composed(judged.verdict for judged in checks)
    why = str(expected.get("why", ""))
    return ModeJudgement(
        mode, why, checks, _seconds(timeline, mode), _price(timeline, mode), verdict
    )


def _seconds(timeline: Timeline, mode: str) -> tuple[Seconds, ...]:
    try:
        found = lives(timeline, mode)
    except Exception:  # as _guarded: a table that cannot be made says nothing
        return ()
    wanted = [life for life in found if life.wanted.ever() or life.stray.ever()]
    return tuple(Seconds(i.name, i.gone.total(), i.wrong, i.twice.total()) for i in wanted)


def _price(timeline: Timeline, mode: str) -> Price:
    try:
        return price(timeline, mode)
    except Exception:  # as _guarded
        return Price()


def _guarded(name: str, check: Checker, timeline: Timeline, mode: str = "") -> Finding:
    """Return what `check` finds; that of one that raises is unknown."""
    try:
        return check(timeline, mode)._replace(check=name)
    except Exception as error:
        return Finding(name, None, f"the check failed: {type(error).__name__}: {error}")


def _no_such(timeline: Timeline, mode: str) -> Finding:
    raise LookupError(f"there is no such check; use one of {', '.join(CHECKS)}")


def _experiment(timeline: Timeline) -> Mapping[str, Any]:
    begin = next(timeline.history.of("begin"), None)
    return _table(begin.fields["experiment"]) if begin else {}


def _table(value: object) -> Mapping[str, Any]:
    """Return `value` if it is a JSON object, and else an empty one."""
    return value if isinstance(value, dict) else {}


def _flag(value: object) -> Known:
    return value if isinstance(value, bool) else None
