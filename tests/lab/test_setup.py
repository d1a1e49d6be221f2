"""`lab doctor` and the end of `lab demo`: what is printed, and the exit codes."""

import json

import pytest

from lab.demo import play
from lab.demo.verdict import Outcome, Verdict
from provisioning.host import doctor

CHECKS = [
    doctor.Check("virsh", True, "/usr/bin/virsh", "apt-get install libvirt-clients"),
    doctor.Check("vagrant", False, "not found", "apt-get install vagrant"),
]


def test_doctor_names_what_is_missing_and_the_command_that_helps(run, monkeypatch):
    monkeypatch.setattr(doctor, "checks", lambda **_: CHECKS)
    result = run("doctor")
    assert result.exit_code == 1
    found, missing = result.stdout.splitlines()[1:]
    assert missing.endswith("MISSING  not found       apt-get install vagrant")
    assert "apt-get" not in found


def test_doctor_fixes_first_and_looks_after(run, monkeypatch):
    fixed = []
    monkeypatch.setattr(doctor, "fix", lambda say, **_: fixed.append(True))
    monkeypatch.setattr(doctor, "checks", lambda **_: CHECKS[: 1 if fixed else 2])
    result = run("doctor", "--fix", "--json")
    assert result.exit_code == 0
    assert [check["found"] for check in json.loads(result.stdout)] == [True]


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
