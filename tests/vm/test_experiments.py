"""Experiments on the real lab: what is expected of both control planes is what happens."""

import json

import pytest

from lab import paths
from lab.history.history import read
from tests.vm.conftest import LAB, run

pytestmark = pytest.mark.vm

# The three demonstrations; tests/vm/test_partition.py has the cut that must end without an overlap.
NAMES = ("reconciliation", "resilience", "node-failure")


@pytest.fixture(scope="module")
def played(only_stage):
    """What `lab demo` printed; a user's container runs beside."""
    only_stage.tidy()
    only_stage.clean = False
    only_stage.pull.declare("of-a-user")
    yield run(*LAB, "demo", "--json", timeout_s=1800, check=False)
    only_stage.tidy()


@pytest.mark.parametrize("name", NAMES)
def test_an_experiment_ends_as_expected(played, name):
    folder = paths.RUNS / name / "latest"
    result = json.loads((folder / "result.json").read_text())
    assert result["verdict"] == "true", played.stdout + played.stderr
    assert {mode["mode"] for mode in result["runs"][0]["modes"]} == {"push", "pull"}
    assert read(folder / "1").damage == ()
    assert (folder / "1/report.html").stat().st_size < 300_000


def test_the_demonstrations_say_what_push_and_pull_made_of_each(played):
    report = json.loads(played.stdout)
    assert [(one["demonstration"], one["mode"], one["verdict"]) for one in report["outcomes"]] == [
        (demonstration, mode, "expected")
        for demonstration in ("reconciliation", "resilience", "self-healing")
        for mode in ("push", "pull")
    ]
    assert (played.returncode, report["as_expected"]) == (0, True)


def test_a_record_knows_its_clocks_and_misses_nothing(played):
    history = read(paths.RUNS / "node-failure/latest/1")
    assert {record.fields["machine"] for record in history.of("clock")} == {
        "api",
        "node1",
        "node2",
        "node3",
    }
    assert list(history.of("lost")) == []
    (bitten,) = history.of("fault", phase="bitten")
    target = bitten.fields["target"]
    # Seen by the host, and by what the node sent before and after.
    off = next(history.of("machine", machine=target, state="off"))
    back = [r for r in history.of("runs", node=target) if r.at_s > off.at_s]
    assert back
    assert {tuple(record.fields["containers"]) for record in back} == {()}
