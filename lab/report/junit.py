"""JUnit XML of a result, for programs that show tests: a suite a mode, a case a check. Pure.

What is not as expected is a failure, and what is unknown an error: neither is green.
"""

from collections.abc import Sequence
from xml.etree import ElementTree as Xml

from lab.experiment.check.finding import WORDS, Finding
from lab.experiment.check.traces import Known
from lab.report.runs import Runs
from services.core.errors import printable


def xml(runs: Runs) -> str:
    """Return the document; the evidence of each check is its output."""
    root = Xml.Element("testsuites", name=printable(runs.name))
    for number, run in enumerate(runs.runs, 1):
        judgement = run.judgement
        always = [(finding, finding.holds or None, "") for finding in judgement.always]
        _suite(root, f"{runs.name}.{number}.always", always)
        for result in judgement.modes:
            cases = [(j.finding, j.verdict, WORDS[j.expected]) for j in result.checks]
            _suite(root, f"{runs.name}.{number}.{result.mode}", cases)
    Xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def _suite(root: Xml.Element, name: str, cases: Sequence[tuple[Finding, Known, str]]) -> None:
    verdicts = [verdict for _, verdict, _ in cases]
    suite = Xml.SubElement(
        root,
        "testsuite",
        name=printable(name),
        tests=str(len(cases)),
        failures=str(verdicts.count(False)),
        errors=str(verdicts.count(None)),
    )
    for finding, verdict, expected in cases:
        named = {"classname": printable(name), "name": printable(finding.check)}
        if finding.amount:
            named["time"] = f"{finding.amount.middle_s:.3f}"
        case = Xml.SubElement(suite, "testcase", named)
        message = printable(finding.text)
        if expected:
            message = f"expected {expected}, found {WORDS[finding.holds]}: {message}"
        if verdict is not True:
            Xml.SubElement(case, "error" if verdict is None else "failure", message=message)
        output = Xml.SubElement(case, "system-out")
        output.text = "\n".join([message, *map(printable, finding.evidence)])
