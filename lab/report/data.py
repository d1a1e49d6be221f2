"""A judgement as JSON: what result.json has, and what the page shows. Pure."""

from typing import Any

from lab.experiment.check.finding import EXIT_CODES, WORDS, Finding
from lab.experiment.check.judge import Judged, Judgement, ModeJudgement
from lab.experiment.check.traces import Amount
from lab.report.runs import Runs


def of_runs(runs: Runs) -> dict[str, Any]:
    """Return the result of all runs."""
    return {
        "experiment": runs.name,
        "verdict": WORDS[runs.verdict],
        "exit_code": EXIT_CODES[runs.verdict],
        "runs": [of_run(run.judgement) for run in runs.runs],
    }


def of_run(judgement: Judgement) -> dict[str, Any]:
    """Return the result of one run."""
    timeline = judgement.timeline
    begin = next((r.fields for r in timeline.history.of("begin")), {})
    facts = {key: begin.get(key) for key in ("run", "seed", "profile", "machine", "versions", "at")}
    return {
        "experiment": judgement.name,
        "verdict": WORDS[judgement.verdict],
        **facts,
        "judged": {"from_s": timeline.from_s, "to_s": timeline.to_s},
        "damage": list(timeline.damage),
        "always": [_finding(finding) for finding in judgement.always],
        "modes": [_mode(result) for result in judgement.modes],
    }


def _mode(result: ModeJudgement) -> dict[str, Any]:
    return {
        "mode": result.mode,
        "verdict": WORDS[result.verdict],
        "why": result.why,
        "checks": [_judged(judged) for judged in result.checks],
        "containers": [
            {
                "name": one.name,
                "gone": _amount(one.gone),
                "wrong": _amount(one.wrong),
                "twice": _amount(one.twice),
            }
            for one in result.containers
        ],
        "price": {
            key: None if value is None else round(value, 2)
            for key, value in result.price._asdict().items()
        },
    }


def _judged(judged: Judged) -> dict[str, Any]:
    return {
        **_finding(judged.finding),
        "expected": WORDS[judged.expected],
        "verdict": WORDS[judged.verdict],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "check": finding.check,
        "holds": WORDS[finding.holds],
        "text": finding.text,
        "seconds": _amount(finding.amount),
        "evidence": list(finding.evidence),
    }


def _amount(amount: Amount | None) -> dict[str, float] | None:
    """Return a range of seconds, to the millisecond."""
    if amount is None:
        return None
    return {"least_s": round(amount.least_s, 3), "most_s": round(amount.most_s, 3)}
