"""Experiments on the real lab: what is expected of both control planes is what happens."""

import json
import signal

import pytest

from lab import paths
from lab.history.history import read
from tests.vm.conftest import LAB, run, running

pytestmark = pytest.mark.vm

# A stray, a death, and a cut that must end without an overlap.
NAMES = ("reconciliation", "node-failure", "partition-stop")


@pytest.fixture(scope="module")
def played(only_stage):
    """What `lab run` printed of NAMES, and its exit code."""
    only_stage.tidy()
    only_stage.clean = False
    yield run(*LAB, "run", *NAMES, "--seed", "1", check=False)
    only_stage.tidy()


@pytest.mark.parametrize("name", NAMES)
def test_an_experiment_ends_as_expected(played, name):
    folder = paths.RUNS / name / "latest"
    result = json.loads((folder / "result.json").read_text())
    assert result["verdict"] == "true", played.stdout + played.stderr
    assert {mode["mode"] for mode in result["runs"][0]["modes"]} == {"push", "pull"}
    assert read(folder / "1").damage == ()
    assert (folder / "1/report.html").stat().st_size < 300_000


def test_the_exit_code_is_that_of_all_together(played):
    assert played.returncode == 0, played.stdout + played.stderr
    assert played.stdout.count("as expected") > len(NAMES)


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


def test_a_killed_run_proves_nothing_and_leaves_nothing(stage, hosts):
    with running("run", "partition-keep", "--seed", "1") as command:
        command.until("bites")
        command.interrupt(signal.SIGKILL)
    done = run(*LAB, "report", "partition-keep", check=False)
    assert done.returncode == 2, done.stdout
    assert "it has no end" in done.stdout
    run(*LAB, "heal")
    for node in ("node1", "node2", "node3"):
        assert hosts[node].check_output("nft list tables | grep lab || :") == ""
    for mode in ("push", "pull"):
        for name in [f"run-{number}" for number in range(1, 7)]:
            (stage.push.stop if mode == "push" else stage.pull.delete)(name)
