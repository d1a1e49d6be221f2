"""The end of `lab demo`: what is printed, and the exit codes."""

import json

import pytest

from lab.demo import play
from lab.demo.verdict import Outcome, Verdict


@pytest.mark.parametrize(
    ("verdict", "code"),
    [(Verdict.EXPECTED, 0), (Verdict.UNEXPECTED, 1), (Verdict.UNKNOWN, 1)],
)
def test_the_exit_code_of_a_demo_is_its_verdict(run, vms, monkeypatch, verdict, code):
    outcome = Outcome("reconciliation", "pull", "fake was stopped", 1.25, verdict, ("a line",))
    monkeypatch.setattr(play, "run", lambda *_: [outcome])
    result = run("demo", "--json")
    assert result.exit_code == code, result.output
    seen = json.loads(result.stdout)
    assert seen["as_expected"] is (code == 0)
    assert seen["outcomes"][0]["verdict"] == verdict.name.lower()
    table = run("demo").stdout
    assert f"{verdict.value}" in table
    assert "fake was stopped" in table
