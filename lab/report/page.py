"""One HTML page that needs no other file and no network: the figure, its evidence, and a replay.

Names and texts of a history come from elsewhere: they are escaped, and the page's own rules for
its browser (Content-Security-Policy) let no other script run than ours.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from lab.experiment.check.finding import VERDICTS, WORDS, Finding
from lab.experiment.check.judge import Judgement, ModeJudgement
from lab.experiment.check.timeline import Timeline
from lab.experiment.check.traces import Amount, Known
from lab.report.bars import WORDS as BAR_WORDS
from lab.report.bars import bars, fault_bars, left_out, shown
from lab.report.figure import Drawing
from lab.report.table import PRICES, of_runs
from services.core.errors import printable

_HERE = Path(__file__).parent
# What an API says again and again is one entry; of more than these, the first ones.
_MOST_CLAIMS = 400


def page(judgement: Judgement, drawing: Drawing) -> str:
    """Return the page of one run, under 300 kB."""
    script = (_HERE / "page.js").read_text()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    template = Template((_HERE / "page.html").read_text())
    return template.substitute(
        title=_text(f"{judgement.name}: {VERDICTS[judgement.verdict]}"),
        digest=digest,
        style=(_HERE / "page.css").read_text(),
        facts=_text(_facts(judgement)),
        always="".join(_always(finding) for finding in judgement.always),
        figure=_inline(drawing.page),
        left_out=_left_out(judgement.timeline),
        results="".join(_result(result) for result in judgement.modes),
        data=_embedded(replay(judgement.timeline, drawing.span)),
        script=script,
    )


def replay(timeline: Timeline, span: tuple[float, float]) -> dict[str, Any]:
    """Return what the page's script needs: bars by the number in their ids, and what was said.

    span: where time begins and ends, in parts of the figure's width. A text that several bars
    have is in `texts` once.
    """
    texts: dict[str, int] = {}

    def indexes(lines: Iterable[str]) -> list[int]:
        return [texts.setdefault(line, len(texts)) for line in lines]

    from_s, to_s = shown(timeline)
    found = {
        "from_s": from_s,
        "to_s": to_s,
        "span": span,
        "modes": list(timeline.modes),
        "nodes": list(timeline.nodes),
        "bars": [
            [b.mode, b.lane, b.name, BAR_WORDS[b.what], *_times(b), indexes(b.evidence)]
            for b in bars(timeline)
        ],
        "faults": [
            [f.fault, f.target, *_times(f), indexes(f.evidence)] for f in fault_bars(timeline)
        ],
        "wanted": [
            [r.fields["mode"], r.at_s, " ".join(map(str, r.fields["names"]))]
            for r in timeline.history.of("wanted")
            if r.fields["mode"] in timeline.modes
        ],
        "said": _said(timeline)[:_MOST_CLAIMS],
    }
    return {**found, "texts": list(texts)}


def _times(bar: Any) -> tuple[float, float]:
    return round(bar.from_s, 3), round(bar.to_s, 3)


def _said(timeline: Timeline) -> list[tuple[str, float, str]]:
    """Return what each API said, when that was something else than before."""
    found: list[tuple[str, float, str]] = []
    before: dict[str, str] = {}
    for record in timeline.history.of("claims"):
        fields = record.fields
        if fields["mode"] not in timeline.modes:
            continue
        placed = [f"{name} on {node or 'no node'}" for name, node in fields["containers"] or ()]
        gone = [
            f"{node} {state}" for node, state in (fields["nodes"] or {}).items() if state != "up"
        ]
        text = ", ".join([*placed, *gone]) or "nothing"
        said = text if fields["ok"] else f"no answer: {fields['error']}"
        if before.get(fields["mode"]) != said:
            before[fields["mode"]] = said
            found.append((fields["mode"], record.at_s, said))
    return found


def _facts(judgement: Judgement) -> str:
    begin = next((r.fields for r in judgement.timeline.history.of("begin")), {})
    profile = begin.get("profile")
    return ", ".join(
        f"{key} {value}"
        for key, value in (
            ("run", begin.get("run")),
            ("seed", begin.get("seed")),
            ("profile", profile.get("name") if isinstance(profile, dict) else profile),
            ("began", begin.get("at")),
        )
        if value is not None
    )


def _always(finding: Finding) -> str:
    return (
        f"<p class=always>{_verdict(finding.holds or None, finding.text)}</p>{_evidence(finding)}"
    )


def _result(result: ModeJudgement) -> str:
    rows = "".join(
        f"<tr><th scope=row>{_text(judged.finding.check)}</th>"
        f"<td>{WORDS[judged.expected]}</td><td>{WORDS[judged.finding.holds]}</td>"
        f"<td>{_seconds(judged.finding.amount)}</td>"
        f"<td>{_verdict(judged.verdict, VERDICTS[judged.verdict])}</td>"
        f"<td>{_text(judged.finding.text)}{_evidence(judged.finding)}</td></tr>"
        for judged in result.checks
    )
    containers = "".join(
        f"<tr><th scope=row>{_text(one.name)}</th><td>{_seconds(one.gone)}</td>"
        f"<td>{_seconds(one.wrong)}</td><td>{_seconds(one.twice)}</td></tr>"
        for one in result.containers
    )
    prices = "".join(f"<td>{_text(of_runs([one]))}</td>" for one in result.price)
    return (
        f"<section><h2>{_text(result.mode)}: {_verdict(result.verdict, VERDICTS[result.verdict])}"
        f"</h2><p>{_text(result.why)}</p>"
        f"{_table(('check', 'expected', 'found', 'seconds', 'verdict', 'what happened'), rows)}"
        f"{_table(('container', 'gone', 'not as wanted', 'on two nodes'), containers)}"
        f"{_table(PRICES, f'<tr>{prices}</tr>')}</section>"
    )


def _table(header: Sequence[str], rows: str) -> str:
    heads = "".join(f"<th scope=col>{title}</th>" for title in header)
    return (
        f"<div class=wide><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _evidence(finding: Finding) -> str:
    if not finding.evidence:
        return ""
    lines = "\n".join(map(_text, finding.evidence))
    return f"<details><summary>evidence</summary><pre>{lines}</pre></details>"


def _verdict(value: Known, words: str) -> str:
    return f'<span class="verdict {WORDS[value]}">{_text(words)}</span>'


def _seconds(amount: Amount | None) -> str:
    return "-" if amount is None else _text(str(amount))


def _left_out(timeline: Timeline) -> str:
    count = left_out(timeline)
    return f"<p>{count} shorter bars are not drawn; they count all the same.</p>" if count else ""


def _text(text: str) -> str:
    return escape(printable(text))


def _inline(svg: str) -> str:
    """Return the SVG element of a document, for a page."""
    return svg[svg.index("<svg") :]


def _embedded(value: Any) -> str:
    """Return `value` as JSON that cannot end the element that it is in."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
