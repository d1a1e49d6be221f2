"""The three demonstrations, both modes under the same fault, as `lab demo` plays them."""

import json

import pytest

from tests.vm.conftest import LAB, run

pytestmark = pytest.mark.vm

CELLS = [
    (demonstration, mode)
    for demonstration in ("reconciliation", "resilience", "self-healing")
    for mode in ("push", "pull")
]


@pytest.fixture(scope="module")
def played(lab) -> dict:
    """One whole `lab demo`, played once for all tests of this module."""
    done = run(*LAB, "demo", "--json", timeout_s=1800, check=False)
    print(done.stderr)
    report = json.loads(done.stdout)
    report["exit_code"] = done.returncode
    return report


@pytest.mark.parametrize(
    ("demonstration", "mode"), CELLS, ids=[f"{what} in {mode}" for what, mode in CELLS]
)
def test_a_demonstration_ends_as_expected(played, demonstration, mode):
    (outcome,) = [
        outcome
        for outcome in played["outcomes"]
        if (outcome["demonstration"], outcome["mode"]) == (demonstration, mode)
    ]
    assert outcome["verdict"] == "expected", outcome


def test_the_exit_code_says_that_all_went_as_expected(played):
    assert (played["exit_code"], played["as_expected"]) == (0, True)
    assert len(played["outcomes"]) == len(CELLS)
