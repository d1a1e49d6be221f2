"""What `lab report` prints: the verdict, each check, the seconds of each container."""

from collections.abc import Sequence
from typing import NamedTuple

from lab.bench.stats import number, summary
from lab.experiment.check.finding import VERDICTS, WORDS, composed
from lab.experiment.check.judge import Judged, ModeJudgement
from lab.experiment.check.price import Price
from lab.experiment.check.traces import Amount, Known, widest
from lab.report.runs import Runs
from lab.terminal.table import render

# The columns of what a control plane and its nodes say to each other.
PRICES = (
    "bytes a change", "requests a change", "bytes/s idle", "requests/s idle", "questions/s idle",
)  # fmt: skip


class Compared(NamedTuple):
    """One check in two sets of runs. same: whether both found the same."""

    mode: str
    check: str
    one: str
    other: str
    same: Known


def text(runs: Runs) -> str:
    """Return everything about `runs`, as lines."""
    count = f", {len(runs.runs)} runs" if len(runs.runs) > 1 else ""
    parts = [f"{runs.name}: {VERDICTS[runs.verdict]}{count}", *problems(runs)]
    header = ("mode", "check", "expected", "found", "seconds", "verdict", "what happened")
    if rows := _checks(runs):
        parts.append(render(header, rows))
    if rows := _containers(runs):
        parts.append(render(("mode", "container", "gone, s", "wrong, s", "twice, s"), rows))
    if rows := _prices(runs):
        parts.append(render(("mode", *PRICES), rows))
    return "\n\n".join(parts)


def overview(all_runs: Sequence[Runs]) -> str:
    """Return a line for each experiment and mode: the first check, and the worst container."""
    rows = [
        (runs.name, mode, *_in_short(runs, mode), _happened(judged))
        for runs in all_runs
        for mode, judged in _first_checks(runs).items()
    ]
    header = ("experiment", "mode", "verdict", "gone, s", "twice, s", "what happened")
    return render(header, rows)


def _first_checks(runs: Runs) -> dict[str, list[Judged]]:
    """Return of each mode what all runs say of the check that its experiment names first."""
    firsts: dict[str, list[Judged]] = {}
    for (mode, _), judged in _by_check(runs).items():
        firsts.setdefault(mode, judged)
    return firsts


def _in_short(runs: Runs, mode: str) -> tuple[str, str, str]:
    """Return the verdict of `mode`, and for how long a container was gone and ran twice."""
    results = [result for result in _results(runs) if result.mode == mode]
    found = [container for result in results for container in result.containers]
    verdict = VERDICTS[composed(result.verdict for result in results)]
    return verdict, _worst([one.gone for one in found]), _worst([one.twice for one in found])


def _results(runs: Runs) -> list[ModeJudgement]:
    """Return what every run came to in every mode."""
    return [result for run in runs.runs for result in run.judgement.modes]


def _worst(amounts: Sequence[Amount]) -> str:
    return str(widest(amounts)).removesuffix(" s") if amounts else "-"


def problems(runs: Runs) -> list[str]:
    """Return why nothing can be said for sure of a run, a line each."""
    return [
        f"{_which(runs, number)}{finding.check}: {WORDS[finding.holds]}: {finding.text}"
        for number, run in enumerate(runs.runs, 1)
        for finding in run.judgement.always
        if not finding.holds
    ]


def _which(runs: Runs, number: int) -> str:
    return f"run {number}: " if len(runs.runs) > 1 else ""


def _by_check(runs: Runs) -> dict[tuple[str, str], list[Judged]]:
    """Return what all runs say of each check of each mode."""
    found: dict[tuple[str, str], list[Judged]] = {}
    for result in _results(runs):
        for judged in result.checks:
            found.setdefault((result.mode, judged.finding.check), []).append(judged)
    return found


def _checks(runs: Runs) -> list[Sequence[str]]:
    return [
        (
            mode,
            check,
            WORDS[all_judged[0].expected],
            _found(all_judged),
            seconds([judged.finding.amount for judged in all_judged]),
            VERDICTS[composed(judged.verdict for judged in all_judged)],
            _happened(all_judged),
        )
        for (mode, check), all_judged in _by_check(runs).items()
    ]


def _found(all_judged: Sequence[Judged]) -> str:
    """Return what was found; of several runs, how often."""
    words = [WORDS[judged.finding.holds] for judged in all_judged]
    if len(words) == 1:
        return words[0]
    return ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))


def _happened(all_judged: Sequence[Judged]) -> str:
    """Return the words of the first run whose verdict is the worst."""
    worst = composed(judged.verdict for judged in all_judged)
    return next(judged.finding.text for judged in all_judged if judged.verdict is worst)


def _containers(runs: Runs) -> list[Sequence[str]]:
    found: dict[tuple[str, str], list[tuple[Amount, Amount, Amount]]] = {}
    for result in _results(runs):
        for one in result.containers:
            row = (one.gone, one.wrong, one.twice)
            found.setdefault((result.mode, one.name), []).append(row)
    return [
        (*key, *(seconds(column) for column in zip(*rows, strict=True)))
        for key, rows in found.items()
    ]


def _prices(runs: Runs) -> list[Sequence[str]]:
    found: dict[str, list[Price]] = {}
    for result in _results(runs):
        found.setdefault(result.mode, []).append(result.price)
    return [
        (mode, *(of_runs(column) for column in zip(*prices, strict=True)))
        for mode, prices in found.items()
        if any(price != Price() for price in prices)
    ]


def of_runs(values: Sequence[float | None]) -> str:
    """Return a number, or of several runs the median and the spread; - where none is known."""
    known = [value for value in values if value is not None]
    if len(values) == 1 and known:
        return number(known[0])
    some = f", known in {len(known)} of {len(values)}" if 0 < len(known) < len(values) else ""
    return f"{_spread(known)}{some}"


def seconds(amounts: Sequence[Amount | None]) -> str:
    """Return one amount with its range, or of several runs the median and the spread."""
    measured = [amount for amount in amounts if amount is not None]
    if len(amounts) == 1 and measured:
        return str(measured[0]).removesuffix(" s")
    return _spread([amount.middle_s for amount in measured])


def _spread(values: Sequence[float]) -> str:
    found = summary(values)
    if found is None:
        return "-"
    return f"{number(found.median)} ({number(found.least)}-{number(found.most)})"


def compared(one: Runs, other: Runs) -> tuple[Compared, ...]:
    """Return what two sets of runs found, check by check. Not in both: not the same."""
    left, right = _by_check(one), _by_check(other)
    return tuple(
        Compared(*key, _side(left.get(key)), _side(right.get(key)), _same(left, right, key))
        for key in dict.fromkeys([*left, *right])
    )


def _side(all_judged: Sequence[Judged] | None) -> str:
    if not all_judged:
        return "-"
    amounts = seconds([judged.finding.amount for judged in all_judged])
    return _found(all_judged) if amounts == "-" else f"{_found(all_judged)}, {amounts} s"


def _same(
    left: dict[tuple[str, str], list[Judged]],
    right: dict[tuple[str, str], list[Judged]],
    key: tuple[str, str],
) -> Known:
    if key not in left or key not in right:
        return False
    both = (*left[key], *right[key])
    holds = {judged.finding.holds if judged.sure else None for judged in both}
    return None if None in holds else len(holds) == 1


def comparison(names: tuple[str, str], rows: Sequence[Compared]) -> str:
    """Return the table of two sets of runs beside each other."""
    words = {True: "yes", False: "NO", None: "unknown"}
    cells = [(row.mode, row.check, row.one, row.other, words[row.same]) for row in rows]
    return render(("mode", "check", *names, "same"), cells)
