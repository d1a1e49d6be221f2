"""`lab demo`: the three demonstrations, and the table at the end."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from lab.bringup.watchdog import watched
from lab.commands.chaos import mode_option
from lab.terminal.params import Known, json_option
from lab.terminal.table import echo, echo_json, render
from provisioning import topology

if TYPE_CHECKING:
    from lab.experiment.check.judge import ModeJudgement
    from lab.experiment.check.traces import Amount
    from lab.experiment.series import Played
    from lab.report.runs import Runs

# A demonstration -> the experiment that it is.
EXPERIMENTS = {
    "reconciliation": "reconciliation",
    "resilience": "resilience",
    "self-healing": "node-failure",
}
# Each demonstration hits the same machine each time: a speaker knows which.
_SEED = 1
_WORDS = {True: "expected", False: "unexpected", None: "unknown"}


class Outcome(NamedTuple):
    """One line of the table. amount: the seconds of the first check that has some."""

    demonstration: str
    mode: str
    verdict: bool | None
    amount: "Amount | None"
    happened: str
    evidence: tuple[str, ...]


@click.command()
@click.argument(
    "name", required=False, type=Known("demonstration", lambda: list(EXPERIMENTS)), metavar="[NAME]"
)
@mode_option
@json_option
@click.pass_context
def demo(ctx: click.Context, name: str | None, mode: str, as_json: bool) -> None:
    """Play the demonstration NAME, or all three, and print what each mode made of it.

    \b
    reconciliation   a container that was never asked for appears on a node
    resilience       the API stops, and meanwhile a container dies
    self-healing     the plug of a node is pulled

    They are experiments, told aloud: `lab run reconciliation resilience node-failure` plays the
    same. One fault hits all modes at the same instant. Exits with 0 only if every outcome is the
    expected one; that push repairs nothing is expected. Uses containers of its own (run-*) and
    heals the lab at the end, also after Ctrl-C. What you declared stays; what you started in push
    on the node that loses its plug is lost, as push loses it. A container of push called `fake`
    is stopped.

    \b
    lab demo
    lab demo self-healing --mode pull
    """
    from lab.experiment import parse, series, setting
    from lab.experiment.check.finding import composed
    from lab.planes import modes
    from lab.report import files, runs
    from lab.terminal import lock

    progress, words = watched(), setting.known()
    names = list(EXPERIMENTS) if name is None else [name]
    experiments = [parse.load(parse.find(EXPERIMENTS[one]), words) for one in names]
    options = series.Options(mode, None, 1, _SEED, reset=False)
    outcomes: list[Outcome] = []
    pages: list[Path] = []
    with lock.locked("lab demo"):
        profile = modes.profile(topology.load()).name
        for one, played in zip(names, series.play(experiments, options, progress), strict=True):
            found = runs.load(str(played.folder))
            pages += files.write(found)
            for outcome in _outcomes(one, played, found):
                progress(f"{outcome.mode}: {outcome.happened} -> {_verdict(outcome)}")
                outcomes.append(outcome)
    as_expected = composed(outcome.verdict for outcome in outcomes) is True
    if as_json:
        rows = [_as_json(one) for one in outcomes]
        echo_json({"profile": profile, "outcomes": rows, "as_expected": as_expected})
    else:
        echo("\n".join(["", table(outcomes), "", *(f"page: {page}" for page in pages)]))
    ctx.exit(0 if as_expected else 1)


def _outcomes(name: str, played: "Played", found: "Runs") -> list[Outcome]:
    """Return what each mode made of a demonstration; an error of playing it is one more."""
    from lab.report.table import problems

    why = "; ".join(problems(found))
    outcomes = [_outcome(name, result, why) for result in found.runs[0].judgement.modes]
    if error := played.error:
        evidence = (error.hint,) if error.hint else ()
        outcomes.append(Outcome(name, "-", None, None, str(error), evidence))
    return outcomes


def _outcome(name: str, result: "ModeJudgement", why: str) -> Outcome:
    """why: the reason why nothing of this run can be known for sure, or an empty text."""
    checks = result.checks
    amount = next((one.finding.amount for one in checks if one.finding.amount), None)
    unexpected = [one for one in checks if one.verdict is not True]
    # If all is as expected, what the experiment names first says most.
    tells = unexpected or checks[:2]
    return Outcome(
        name,
        result.mode,
        result.verdict,
        amount,
        why or "; ".join(one.finding.text for one in tells),
        tuple(line for one in tells for line in one.finding.evidence),
    )


def table(outcomes: list[Outcome]) -> str:
    """Return demonstration, mode, verdict, seconds and what happened, a line each."""
    from lab.report.table import seconds

    rows = [
        (one.demonstration, one.mode, _verdict(one), seconds([one.amount]), one.happened)
        for one in outcomes
    ]
    return render(("demonstration", "mode", "verdict", "seconds", "what happened"), rows)


def _as_json(outcome: Outcome) -> dict[str, Any]:
    fields = outcome._asdict()
    amount = fields.pop("amount")
    seconds = None if amount is None else round(amount.middle_s, 3)
    return {**fields, "verdict": _WORDS[outcome.verdict], "seconds": seconds}


def _verdict(outcome: Outcome) -> str:
    from lab.experiment.check.finding import VERDICTS

    return VERDICTS[outcome.verdict]
